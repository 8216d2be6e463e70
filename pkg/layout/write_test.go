package layout_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/layout"
)

func create(t *testing.T, dir string) *layout.Layout {
	t.Helper()
	l, err := layout.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func describe(mediaType, content string) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromString(content), Size: int64(len(content))}
}

func reader(content string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }
}

// pushed writes an artifact whose only layer is text, under the tag.
func pushed(t *testing.T, l *layout.Layout, tag, text string, subject *ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	layer, config := describe(artifact.LayerOCI, text), describe(ocispec.MediaTypeEmptyJSON, "{}")
	m := ocispec.Manifest{MediaType: artifact.ManifestOCI, Config: config, Layers: []ocispec.Descriptor{layer}, Subject: subject}
	m.SchemaVersion = 2
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	d := describe(artifact.ManifestOCI, string(raw))
	err = l.PushBlob(t.Context(), layer, reader(text))
	if err == nil {
		err = l.PushBlob(t.Context(), config, reader("{}"))
	}
	switch {
	case err != nil:
	case subject != nil:
		err = l.PushReferrer(t.Context(), d, raw)
	default:
		err = l.PushManifest(t.Context(), tag, d, raw)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWriteAndRead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "layout")
	l := create(t, dir)
	first := pushed(t, l, "v1", "one", nil)
	second := pushed(t, l, "v1", "two", nil) // moves the tag
	tagged := pushed(t, l, strings.Replace(second.Digest.String(), ":", "-", 1)+".sig", "signature", nil)
	signature := pushed(t, l, "", "referrer", &second)
	for _, l := range []*layout.Layout{l, open(t, dir)} {
		d, err := l.Resolve("v1")
		if err != nil || d.Digest != second.Digest {
			t.Errorf("v1 is %v, %v", d.Digest, err)
		}
		if d, err = l.Resolve(""); err != nil || d.Digest != second.Digest {
			t.Errorf("the only artifact is %v, %v", d.Digest, err)
		}
		all, cut, err := l.Attached(t.Context(), second.Digest, 10)
		if err != nil || cut || len(all) != 2 || all[0].Digest != signature.Digest || all[1].Digest != tagged.Digest || all[1].Tag == "" {
			t.Errorf("attached are %v, %v", all, err)
		}
		if _, cut, _ := l.Attached(t.Context(), second.Digest, 0); !cut {
			t.Error("a list that was cut does not say so")
		}
		for _, d := range []ocispec.Descriptor{first, second, signature} {
			if ok, err := l.Exists(t.Context(), d.Digest); !ok || err != nil {
				t.Errorf("%s does not exist: %v", d.Digest, err)
			}
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(names) > 0 {
		t.Errorf("left behind: %v, %v", names, err)
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	l := create(t, t.TempDir())
	d := pushed(t, l, "", "text", nil)
	if all, err := l.Artifacts(); err != nil || len(all) != 0 {
		t.Errorf("got %v, %v before it is kept", all, err)
	}
	raw, _, err := l.Manifest(t.Context(), d)
	for range 2 {
		if err == nil {
			err = l.Keep(d, raw)
		}
	}
	if all, listErr := l.Artifacts(); err != nil || listErr != nil || len(all) != 1 || layout.Tag(all[0]) != "" {
		t.Errorf("got %v, %v, %v", all, err, listErr)
	}
	if err := l.PushManifest(t.Context(), "v1", d, raw); err != nil {
		t.Fatal(err)
	}
	if all, err := l.Artifacts(); err != nil || len(all) != 1 || layout.Tag(all[0]) != "v1" {
		t.Errorf("got %v, %v once it has a name", all, err)
	}
	for tag, want := range map[string]bool{"v1": true, "v2": false} {
		if is, err := l.Names(t.Context(), tag, d.Digest); is != want || err != nil {
			t.Errorf("%s names it: %v, %v", tag, is, err)
		}
	}
}

// Bytes that are not what their descriptor says leave nothing behind, and the damaged are replaced.
func TestPushBlobChecks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, dir)
	d := describe(artifact.LayerOCI, "content")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for text, want := range map[string]string{"other!!": "another digest", "content and more": "its size", "cont": "its size"} {
		check(t, l.PushBlob(t.Context(), d, reader(text)), want)
	}
	check(t, l.PushBlob(ctx, d, reader("content")), "context canceled")
	check(t, l.PushBlob(t.Context(), ocispec.Descriptor{Digest: "sha256:../../x", Size: 1}, reader("x")), "no sha256 digest")
	if left, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*")); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".partial-*")); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, damage := range []string{"", "damaged"} {
		if damage != "" {
			write(t, blob(dir, d), []byte(damage))
		}
		if err := l.PushBlob(t.Context(), d, reader("content")); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(blob(dir, d)); string(got) != "content" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	err := l.PushBlob(t.Context(), d, func() (io.ReadCloser, error) {
		t.Error("what is there is sent again")
		return reader("content")()
	})
	check(t, err, "<nil>")
}

func TestCreate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "mine.txt"), []byte("mine"))
	_, err := layout.Create(dir)
	check(t, err, "the folder holds something else than a layout")
	_, err = layout.Create(filepath.Join(dir, "mine.txt"))
	check(t, err, "it is no folder")

	half := t.TempDir() // somebody was killed in Create
	if err := os.Mkdir(filepath.Join(half, "blobs"), 0o755); err != nil {
		t.Fatal(err)
	}
	old, fresh := filepath.Join(half, ".partial-OLD"), filepath.Join(half, ".partial-NEW")
	write(t, old, nil)
	write(t, fresh, nil)
	long := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	create(t, half)
	if _, err := os.Stat(old); err == nil {
		t.Error("what a writer left behind long ago is there")
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Error("what somebody may be writing is gone")
	}
}

// Several writers of one layout lose nothing of each other's.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const writers = 8
	var group sync.WaitGroup
	for i := range writers {
		l := create(t, dir)
		group.Go(func() { pushed(t, l, fmt.Sprintf("v%d", i), fmt.Sprintf("text %d", i), nil) })
	}
	group.Wait()
	all, err := open(t, dir).Artifacts()
	if err != nil || len(all) != writers {
		t.Errorf("got %d artifacts, %v", len(all), err)
	}
}

// Two folders that hold the same, in whatever order it came, make the same archive, and that is a layout, too.
func TestTar(t *testing.T) {
	t.Parallel()
	archives := map[string][]byte{}
	for name, tags := range map[string][]string{"forth": {"v1", "v2"}, "back": {"v2", "v1"}} {
		l := create(t, t.TempDir())
		for _, tag := range tags {
			pushed(t, l, tag, "content of "+tag, nil)
		}
		var b bytes.Buffer
		if err := l.WriteTar(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		archives[name] = b.Bytes()
	}
	if !bytes.Equal(archives["forth"], archives["back"]) {
		t.Error("the archives differ")
	}
	file := filepath.Join(t.TempDir(), "layout.tar")
	write(t, file, archives["forth"])
	if !layout.Is(file) {
		t.Error("the archive is no layout")
	}
	l := open(t, file)
	d, err := l.Resolve("v2")
	if err != nil {
		t.Fatal(err)
	}
	if raw, _, err := l.Manifest(t.Context(), d); err != nil || digest.FromBytes(raw) != d.Digest {
		t.Errorf("got %s, %v", raw, err)
	}
	layer := describe(artifact.LayerOCI, "content of v2")
	if got, err := content(t, l, layer); err != nil || got != "content of v2" {
		t.Errorf("got %q, %v", got, err)
	}
	check(t, l.PushManifest(t.Context(), "v3", d, nil), "a tar archive is not written to")
	check(t, l.WriteTar(t.Context(), io.Discard), "it is one already")
	_, err = content(t, l, describe("", "nothing"))
	check(t, err, "file does not exist")
}

// What a tag named before is not carried along.
func TestTarOfMovedTag(t *testing.T) {
	t.Parallel()
	archives := make([][]byte, 2)
	for i, texts := range [][]string{{"old", "new"}, {"new"}} {
		l := create(t, t.TempDir())
		for _, text := range texts {
			pushed(t, l, "stable", text, nil)
		}
		var b bytes.Buffer
		if err := l.WriteTar(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		archives[i] = b.Bytes()
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the archives differ")
	}
}

// A folder that is no layout stays as it is, and so does what lies beside one.
func TestCreateLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	foreign, partial := t.TempDir(), ".partial-mine"
	write(t, filepath.Join(foreign, partial), nil)
	write(t, filepath.Join(foreign, "readme"), nil)
	if err := os.Chtimes(filepath.Join(foreign, partial), time.Time{}, time.Now().Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, err := layout.Create(foreign)
	check(t, err, "the folder holds something else than a layout")
	if _, err := os.Stat(filepath.Join(foreign, partial)); err != nil {
		t.Error(err)
	}
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	_, err = layout.Create(dir)
	check(t, err, "path escapes")
	if entries, err := os.ReadDir(outside); len(entries) > 0 || err != nil {
		t.Errorf("outside there is %v, %v", entries, err)
	}
}

func TestTarRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		entries []tar.Header
		raw     string
		want    string
	}{
		"twice":        {entries: []tar.Header{{Name: "a"}, {Name: "./a"}}, want: `"a" is in it twice`},
		"a long name":  {entries: []tar.Header{{Name: strings.Repeat("a", 2000)}}, want: "read tar: a name of more than 1024 bytes"},
		"no tar":       {raw: strings.Repeat("x", 2000), want: "read tar"},
		"link":         {entries: []tar.Header{{Name: "oci-layout", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, want: "open oci-layout: file does not exist"},
		"no layout":    {entries: []tar.Header{{Name: "app.yaml"}}, want: "open oci-layout: file does not exist"},
		"empty layout": {entries: []tar.Header{{Name: "oci-layout"}}, want: "parse oci-layout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			for _, h := range test.entries {
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if test.raw != "" {
				b.Reset()
				b.WriteString(test.raw)
			}
			file := filepath.Join(t.TempDir(), "x.tar")
			write(t, file, b.Bytes())
			_, err := layout.Open(file)
			check(t, err, test.want)
		})
	}
}

// Whatever lies in an archive, or an index, is read or refused.
func FuzzOpenTar(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range map[string]string{
		"oci-layout": `{"imageLayoutVersion":"1.0.0"}`,
		"index.json": `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + strings.Repeat("a", 64) + `","size":1}]}`,
	} {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644}); err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		file := filepath.Join(t.TempDir(), "x.tar")
		write(t, file, raw)
		l, err := layout.Open(file)
		if err != nil {
			return
		}
		defer l.Close()
		if all, err := l.Artifacts(); err == nil {
			for _, d := range all {
				_, _, _ = l.Attached(t.Context(), d.Digest, 10)
				_, _, _ = l.Manifest(t.Context(), d)
			}
		}
	})
}
