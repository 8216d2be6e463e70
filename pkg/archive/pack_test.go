package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
)

// tree is a file system with contents by path; the root is implied.
func tree(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	return fsys
}

func pack(t testing.TB, fsys fs.FS, opts PackOptions) ([]byte, Summary) {
	t.Helper()
	var b bytes.Buffer
	s, err := Pack(t.Context(), &b, fsys, opts)
	if err != nil {
		t.Fatalf("pack: %v", err)
	}
	return b.Bytes(), s
}

// list reads an archive with the standard library: "mode name = contents" by entry.
func list(t testing.TB, archive []byte) []string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for in := tar.NewReader(zip); ; {
		h, err := in.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%o %s", h.Mode, h.Name)
		if h.Typeflag == tar.TypeReg {
			content, err := io.ReadAll(in)
			if err != nil {
				t.Fatal(err)
			}
			line += fmt.Sprintf(" = %.20s", content)
		}
		all = append(all, line)
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || h.ModTime.Unix() != 0 {
			t.Errorf("entry %q says where it comes from: %+v", h.Name, h)
		}
	}
}

func TestPack(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long/", 40) + "name.yaml"
	fsys := tree(map[string]string{"b.yaml": "b", "a/z.yaml": "z", "a.yaml": "a", "ünï/日本.yaml": "u", long: "l"})
	fsys["a/run.sh"] = &fstest.MapFile{Data: []byte("#!"), Mode: 0o711, ModTime: time.Now()}
	fsys["a/group.sh"] = &fstest.MapFile{Data: []byte("#!"), Mode: 0o677}
	fsys["empty"] = &fstest.MapFile{Mode: fs.ModeDir | 0o700}
	archive, summary := pack(t, fsys, PackOptions{})
	want := []string{
		"755 .", "755 a", "644 a/group.sh = #!", "755 a/run.sh = #!", "644 a/z.yaml = z",
		"644 a.yaml = a", "644 b.yaml = b", "755 empty",
	}
	for i := range 40 {
		want = append(want, "755 "+strings.TrimSuffix(strings.Repeat("long/", i+1), "/"))
	}
	want = append(want, "644 "+long+" = l", "755 ünï", "644 ünï/日本.yaml = u")
	if diff := cmp.Diff(want, list(t, archive)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	checkSummary(t, archive, summary, 7)
}

func checkSummary(t *testing.T, archive []byte, s Summary, files int) {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	diffID, err := digest.FromReader(zip)
	if err != nil {
		t.Fatal(err)
	}
	s.Skipped = nil
	want := Summary{Digest: digest.FromBytes(archive), DiffID: diffID, Size: int64(len(archive)), Files: files}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

// golden is a tree with everything that shapes an archive: sizes around a compressor's block, modes, long and non-ASCII names.
func golden() fstest.MapFS {
	fsys := tree(map[string]string{
		"app/deployment.yaml":             "kind: Deployment\n",
		"app/" + strings.Repeat("x", 150): "long",
		"app/ä.yaml":                      "umlaut",
		"empty.yaml":                      "",
		"kustomization.yaml":              "resources: [app]\n",
		"big/just-below":                  text(gzipBlock/2 - 1),
		"big/block":                       text(gzipBlock),
		"big/more":                        text(gzipBlock + 17),
		strings.Repeat("deep/", 60) + "f": "PAX",
	})
	fsys["bin/run"] = &fstest.MapFile{Data: []byte("#!/bin/sh\n"), Mode: 0o755}
	return fsys
}

// text is n bytes that compress about as well as YAML does, the same at every call.
func text(n int) string {
	b := make([]byte, 0, n+64)
	for i, x := 0, uint32(1); len(b) < n; i++ {
		x = x*1664525 + 1013904223
		b = strconv.AppendInt(append(b, "  key-"...), int64(i%50), 10)
		b = strconv.AppendUint(append(b, ": value-"...), uint64(x>>12), 16)
		b = append(b, '\n')
	}
	return string(b[:n])
}

// These digests are a promise: the same tree has had them since the first release. When a change of the compressor or of
// this package changes them, every artifact of every user changes once. That needs an entry in the CHANGELOG.
func TestPackGolden(t *testing.T) {
	t.Parallel()
	_, s := pack(t, golden(), PackOptions{})
	const wantDiffID = "sha256:5eaf897e3f318f04729d51c2284e19b168c99c66260ab9585cacc29984872c13"
	const wantDigest = "sha256:e6311c6aaf185ee257add853c33cf79c9a40b44616f37a9b5c51e9aa541a9ef8"
	if s.DiffID != wantDiffID {
		t.Errorf("tar: %s, want %s", s.DiffID, wantDiffID)
	}
	if s.Digest != wantDigest {
		t.Errorf("archive: %s, want %s", s.Digest, wantDigest)
	}
}

//nolint:paralleltest // GOMAXPROCS is the process's
func TestPackOnAnyNumberOfCores(t *testing.T) {
	_, want := pack(t, golden(), PackOptions{})
	for n := 1; n <= 4; n++ {
		before := runtime.GOMAXPROCS(n)
		_, got := pack(t, golden(), PackOptions{})
		runtime.GOMAXPROCS(before)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("on %d cores (-want +got):\n%s", n, diff)
		}
	}
}

func TestPackRefuses(t *testing.T) {
	t.Parallel()
	device := func(mode fs.FileMode) fstest.MapFS {
		return fstest.MapFS{"a.yaml": {}, "d/odd": {Mode: mode}}
	}
	for name, tt := range map[string]struct {
		fsys fs.FS
		opts PackOptions
		want string
	}{
		"empty folder":      {fstest.MapFS{}, PackOptions{}, "no file to pack"},
		"folders only":      {fstest.MapFS{"a/b": {Mode: fs.ModeDir}}, PackOptions{}, "no file to pack"},
		"all ignored":       {tree(map[string]string{"a.png": "", "b.zip": ""}), PackOptions{}, `ignore rules leave out "a.png" (2 in all)`},
		"FIFO":              {device(fs.ModeNamedPipe), PackOptions{}, `"d/odd": not a file or folder but a FIFO`},
		"socket":            {device(fs.ModeSocket), PackOptions{}, `"d/odd": not a file or folder but a socket`},
		"device":            {device(fs.ModeDevice), PackOptions{}, `"d/odd": not a file or folder but a device`},
		"character device":  {device(fs.ModeDevice | fs.ModeCharDevice), PackOptions{}, "a device"},
		"backslash":         {tree(map[string]string{`a\b.yaml`: ""}), PackOptions{}, "backslash"},
		"dots at the end":   {tree(map[string]string{"a../b.yaml": ""}), PackOptions{}, `entry "a.."`},
		"not UTF-8":         {tree(map[string]string{"a\xff.yaml": ""}), PackOptions{}, "UTF-8"},
		"unreadable file":   {failing{golden(), "app/ä.yaml", fs.ErrPermission}, PackOptions{}, `"app/ä.yaml": permission denied`},
		"unreadable folder": {failing{golden(), "app", fs.ErrPermission}, PackOptions{}, `read folder "app": permission denied`},
		"entries":           {golden(), PackOptions{Limits: Limits{Entries: 5}}, "more than 5 entries"},
		"expanded":          {golden(), PackOptions{Limits: Limits{Expanded: 1 << 20}}, "more than 1048576 expanded bytes"},
		"compressed":        {golden(), PackOptions{Limits: Limits{Compressed: 1000}}, "more than 1000 compressed bytes"},
		"path":              {golden(), PackOptions{Limits: Limits{Path: 100}}, "more than 100 bytes in a path"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Pack(t.Context(), io.Discard, tt.fsys, tt.opts)
			checkError(t, err, tt.want)
		})
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("unexpected error: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got error %v, want one with %q", err, want)
	}
}

func TestPackEmptyIsTyped(t *testing.T) {
	t.Parallel()
	s, err := Pack(t.Context(), io.Discard, tree(map[string]string{"x/a.png": ""}), PackOptions{})
	if !errors.Is(err, ErrEmpty) {
		t.Errorf("got %v, want ErrEmpty", err)
	}
	if diff := cmp.Diff([]string{"x/a.png"}, s.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

// failing is a file system in which one file cannot be opened.
type failing struct {
	fs.FS
	name string
	err  error
}

func (f failing) Open(name string) (fs.File, error) {
	if name == f.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
	}
	return f.FS.Open(name)
}

// resized is a file system whose files hold something else than their size says.
type resized struct {
	fs.FS
	by int
}

func (r resized) Open(name string) (fs.File, error) {
	f, err := r.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".yaml") {
		return f, err
	}
	content, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	content = append(content, make([]byte, 100)...)
	return resizedFile{f, bytes.NewReader(content[:len(content)-100+r.by])}, nil
}

type resizedFile struct {
	fs.File
	content io.Reader
}

func (f resizedFile) Read(p []byte) (int, error) { return f.content.Read(p) }

func TestPackNoticesChangedSize(t *testing.T) {
	t.Parallel()
	for _, by := range []int{-5, 1, 100} {
		_, err := Pack(t.Context(), io.Discard, resized{golden(), by}, PackOptions{})
		checkError(t, err, `pack "app/deployment.yaml": its size changed`)
	}
}

func TestPackReportsFailedWrites(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for _, after := range []int{0, 5, 10, 200_000, 400_000} {
		if _, err := Pack(t.Context(), &fullWriter{after, full}, golden(), PackOptions{}); !errors.Is(err, full) {
			t.Errorf("disk full after %d bytes: got %v", after, err)
		}
	}
}

type fullWriter struct {
	space int
	err   error
}

func (w *fullWriter) Write(p []byte) (int, error) {
	if w.space -= len(p); w.space < 0 {
		return 0, w.err
	}
	return len(p), nil
}

func TestPackStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	w := writeFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	if _, err := Pack(ctx, w, golden(), PackOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

type writeFunc func(p []byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }
