package archive

import (
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// write makes a folder with these files; a value that begins with "-> " makes a link, a name that ends in "/" a folder.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		target, link := strings.CutPrefix(content, "-> ")
		var err error
		switch {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		case link:
			err = os.Symlink(target, path)
		default:
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openDir(t testing.TB, path string) *Dir {
	t.Helper()
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestOpenDir(t *testing.T) {
	t.Parallel()
	d := openDir(t, write(t, map[string]string{"a/b.yaml": "b", "c.yaml": "c"}))
	if err := fstest.TestFS(d, "a/b.yaml", "c.yaml"); err != nil {
		t.Error(err)
	}
}

func TestOpenDirRefuses(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"file": ""})
	for path, want := range map[string]string{"none": "no such file", "file": "not a directory"} {
		_, err := OpenDir(filepath.Join(dir, path))
		checkError(t, err, want)
		checkError(t, err, path)
	}
}

func TestPackFollowsLinks(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"base/a.yaml":       "a",
		"base/sub/b.yaml":   "b",
		"file.yaml":         "-> base/a.yaml",
		"folder":            "-> base/sub",
		"base/sub/up.yaml":  "-> ../a.yaml",
		"chain.yaml":        "-> file.yaml",
		"in/the/deep":       "-> ../../folder",
		"ignored-out.png":   "-> ../elsewhere",
		"ignored-loop.jpg":  "-> .",
		"ignored-gone.zip":  "-> gone",
		".git/hooks/escape": "-> /etc",
	})
	archive, s := pack(t, openDir(t, dir), PackOptions{})
	want := []string{
		"755 .", "755 base", "644 base/a.yaml = a", "755 base/sub", "644 base/sub/b.yaml = b", "644 base/sub/up.yaml = a",
		"644 chain.yaml = a", "644 file.yaml = a", "755 folder", "644 folder/b.yaml = b", "644 folder/up.yaml = a",
		"755 in", "755 in/the", "755 in/the/deep", "644 in/the/deep/b.yaml = b", "644 in/the/deep/up.yaml = a",
	}
	if diff := cmp.Diff(want, list(t, archive)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	skipped := []string{".git/", "ignored-gone.zip", "ignored-loop.jpg", "ignored-out.png"}
	if diff := cmp.Diff(skipped, s.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

func TestPackRefusesLinks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ link, target, want string }{
		"leaves the folder":       {"a/l", "../../x", `follow link "a/l" to "../../x": leaves the folder`},
		"absolute":                {"a/l", "/etc/passwd", `follow link "a/l" to "/etc/passwd": absolute`},
		"absolute, into itself":   {"l", "DIR/f", `absolute`},
		"leads nowhere":           {"l", "gone", `follow link "l" to "gone": no such file`},
		"to itself":               {"l", "l", `follow link "l" to "l": too many`},
		"to its folder":           {"a/l", ".", `follow link "a/l" to ".": the target holds the link`},
		"to a folder around it":   {"a/b/l", "../../a", `follow link "a/b/l" to "../../a": the target holds the link`},
		"to the root":             {"a/b/l", "../..", `the target holds the link`},
		"out and in again":        {"l", "../BASE/f", "leaves the folder"},
		"out, by way of a folder": {"l", "m/../../f", "leaves the folder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, map[string]string{"f": "", "m/": ""})
			target := strings.NewReplacer("DIR", dir, "BASE", filepath.Base(dir)).Replace(tt.target)
			link := filepath.Join(dir, tt.link)
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, link); err != nil {
				t.Fatal(err)
			}
			_, err := Pack(t.Context(), io.Discard, openDir(t, dir), PackOptions{})
			checkError(t, err, tt.want)
		})
	}
}

// Two folders that link to each other hold each other without end.
func TestPackRefusesMutualLinks(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"a/x": "-> ../b", "b/y": "-> ../a", "f": ""})
	_, err := Pack(t.Context(), io.Discard, openDir(t, dir), PackOptions{})
	checkError(t, err, `follow link "a/x/y" to "../a": the target holds the link`)
}

func TestPackRefusesSockets(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"f": ""})
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Pack(t.Context(), io.Discard, openDir(t, dir), PackOptions{})
	checkError(t, err, `pack "s": not a file or folder but a socket`)
}

// What differs between two checkouts of one tree must not show.
func TestPackReproducible(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a.yaml": "a", "b/c.yaml": "c", "b/d.yaml": "d", "run.sh": "#!/bin/sh"}
	var want Summary
	for _, tt := range []struct{ file, exec, dir fs.FileMode }{
		{0o644, 0o755, 0o755}, {0o600, 0o700, 0o700}, {0o666, 0o777, 0o777}, {0o444, 0o544, 0o500},
	} {
		dir := write(t, files) // in the random order of the map
		chmod(t, dir, tt.file, tt.exec, tt.dir)
		_, got := pack(t, openDir(t, dir), PackOptions{})
		if want.Digest == "" {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("modes %o, %o, %o (-want +got):\n%s", tt.file, tt.exec, tt.dir, diff)
		}
		chmod(t, dir, 0o644, 0o755, 0o755) // so that it can be removed
	}
}

func chmod(t *testing.T, dir string, file, exec, folder fs.FileMode) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		mode := file
		switch {
		case err != nil:
			return err
		case d.IsDir():
			mode = folder | 0o200 // WalkDir goes on below it
		case filepath.Ext(path) == ".sh":
			mode = exec
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(write(t, map[string]string{"some/app.yaml": "kind: App"}), "some", "app.yaml")
	fsys, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(fsys, "app.yaml"); err != nil {
		t.Error(err)
	}
	archive, _ := pack(t, fsys, PackOptions{})
	if diff := cmp.Diff([]string{"755 .", "644 app.yaml = kind: App"}, list(t, archive)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	_, err = OpenFile(filepath.Dir(path))
	checkError(t, err, "not a regular file")
	_, err = OpenFile(path + "x")
	checkError(t, err, "no such file")
}

// Bytes from standard input make the archive that a file with them would make.
func TestFromSpool(t *testing.T) {
	t.Parallel()
	s := NewSpool(4)
	defer s.Close()
	if _, err := s.Write([]byte("kind: App")); err != nil {
		t.Fatal(err)
	}
	fsys := FromSpool("resource.yaml", s)
	if err := fstest.TestFS(fsys, "resource.yaml"); err != nil {
		t.Error(err)
	}
	_, got := pack(t, fsys, PackOptions{})
	_, want := pack(t, tree(map[string]string{"resource.yaml": "kind: App"}), PackOptions{})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}
