package archive

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// fuzzLimits keep a fuzzed archive from filling disk and time.
var fuzzLimits = Limits{Compressed: 1 << 20, Expanded: 4 << 20, Entries: 100, Path: 200}

// seed adds archives that reach most branches. The fuzzer mutates the tar: behind gzip's checksum it would get nowhere.
func seed(f *testing.F) {
	f.Add([]byte{}, "")
	for _, items := range [][]item{
		{{name: "./"}, {name: "a/"}, {name: "a/f.yaml", content: "f"}, {name: ".sourceignore", content: "*.md\n!x.md\n"}},
		{{name: "f"}, {name: "l", kind: tar.TypeSymlink, target: "f"}, {name: "d/h", kind: tar.TypeLink, target: "f"}},
		{{name: "pax_global_header", kind: tar.TypeXGlobalHeader}, {name: strings.Repeat("long/", 30) + "ü"}},
	} {
		f.Add(tarball(f, items...), "*.yaml")
	}
	for _, tt := range refused {
		f.Add(tarball(f, tt.items...), "!a")
	}
	// These are read as they are too, and no checksum is in the fuzzer's way.
	f.Add(zstandardOf(f, tarball(f, item{name: "a/f.yaml", content: text(5000)}), zstd.WithEncoderCRC(false)), "a")
}

func FuzzExtract(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, content []byte, _ string) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "in")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, archive := range [][]byte{content, zip(t, content)} {
			err := Extract(t.Context(), bytes.NewReader(archive), dir, fuzzLimits)
			checkConfined(t, parent)
			if err == nil {
				checkUnpacked(t, dir)
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// checkConfined fails when anything but the folder "in" was made.
func checkConfined(t *testing.T, parent string) {
	t.Helper()
	if beside, err := os.ReadDir(parent); err != nil || len(beside) != 1 || beside[0].Name() != "in" {
		t.Errorf("beside the folder: %v, error %v", beside, err)
	}
}

// checkUnpacked fails when a link resolves to something outside dir or the limits were passed.
func checkUnpacked(t *testing.T, dir string) {
	t.Helper()
	var size int64
	entries := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		entries++
		if to, err := filepath.EvalSymlinks(path); err == nil && to != dir && !strings.HasPrefix(to, dir+"/") {
			t.Errorf("%q leads to %q", path, to)
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	if err != nil || entries > fuzzLimits.Entries+1 {
		t.Errorf("%d entries, %d bytes, error %v", entries, size, err)
	}
}

func FuzzJudge(f *testing.F) {
	seed(f)
	squeeze, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte, ignore string) {
		if v, err := Judge(t.Context(), bytes.NewReader(content), &ignore, fuzzLimits); err == nil && v.Keep && formOf(content) != gzipped {
			t.Error("kept, though it is no gzip")
		}
		archive := zip(t, content)
		v, err := Judge(t.Context(), bytes.NewReader(archive), &ignore, fuzzLimits)
		w, otherErr := Judge(t.Context(), bytes.NewReader(squeeze.EncodeAll(content, nil)), &ignore, fuzzLimits)
		if (err == nil) != (otherErr == nil) || err == nil && (w.Keep || w.Files != v.Files) {
			t.Errorf("by gzip %+v, %v; by zstd %+v, %v", v, err, w, otherErr)
		}
		extractErr := Extract(t.Context(), bytes.NewReader(archive), t.TempDir(), fuzzLimits)
		if err != nil {
			return
		}
		if v.Keep && extractErr != nil && !systemRefuses(extractErr) {
			t.Errorf("kept, but Extract says %v", extractErr)
		}
		if v.Keep {
			checkKept(t, content)
		}
		var out bytes.Buffer
		if _, err := v.Repack(t.Context(), &out, bytes.NewReader(archive)); err != nil {
			return // names that Pack does not write
		}
		again, err := Judge(t.Context(), bytes.NewReader(out.Bytes()), &ignore, Limits{})
		if err != nil || !again.Keep && v.Files > 0 && !bytes.Contains(content, []byte(".sourceignore")) {
			t.Errorf("repacked: verdict %+v, error %v", again, err)
		}
	})
}

// systemRefuses reports whether an error is that of the file system, which may allow fewer names than an archive.
func systemRefuses(err error) bool {
	return strings.HasPrefix(err.Error(), "unpack ")
}

// checkKept fails when the tar holds something that kustomize-controller gives up on, told by its rules.
func checkKept(t *testing.T, content []byte) {
	t.Helper()
	for in := tar.NewReader(bytes.NewReader(content)); ; {
		h, err := in.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("kept, but tar says %v", err)
		}
		mode := h.FileInfo().Mode()
		if !mode.IsRegular() && !mode.IsDir() || h.Name == "" || h.Name[0] == '/' ||
			strings.Contains(h.Name, `\`) || strings.Contains(h.Name, "../") {
			t.Errorf("kept with entry %q of mode %v", h.Name, mode)
		}
	}
}
