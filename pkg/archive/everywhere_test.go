package archive

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const childEnv = "ARCHIVE_TEST_CHILD"

// The digest must not tell who packed the tree, when, where and on what machine: each child process writes the tree under
// another umask, in another time zone and order, with other times and another number of cores, and packs it.
func TestPackSameEverywhere(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		packInChild(t)
		return
	}
	t.Parallel()
	_, s := pack(t, golden(), PackOptions{})
	for _, tt := range []struct{ umask, zone, cores, order, time string }{
		{"022", "UTC", "1", "up", "2001-02-03T04:05:06Z"},
		{"077", "Asia/Tokyo", "2", "down", "1969-12-31T23:59:59Z"},
		{"002", "America/St_Johns", "4", "down", "2038-01-19T03:14:08Z"},
	} {
		c := exec.CommandContext(t.Context(), "sh", "-c", "umask "+tt.umask+` && exec "$0" -test.run '^TestPackSameEverywhere$' -test.v`, os.Args[0])
		c.Env = append(os.Environ(), childEnv+"="+tt.order+","+tt.time, "TZ="+tt.zone, "GOMAXPROCS="+tt.cores)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%+v: %v\n%s", tt, err, out)
		}
		if want := "digest " + string(s.Digest) + "\n"; !strings.Contains(string(out), want) {
			t.Errorf("%+v: want %s, got\n%s", tt, want, out)
		}
	}
}

func packInChild(t *testing.T) {
	order, stamp, _ := strings.Cut(os.Getenv(childEnv), ",")
	when, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeGolden(t, dir, golden(), order == "down", when)
	_, s := pack(t, openDir(t, dir), PackOptions{})
	fmt.Fprintln(os.Stdout, "digest", s.Digest)
}

func writeGolden(t *testing.T, dir string, fsys fstest.MapFS, down bool, when time.Time) {
	t.Helper()
	var names []string
	for name := range fsys {
		names = append(names, name)
	}
	slices.Sort(names)
	if down {
		slices.Reverse(names)
	}
	for _, name := range names {
		path, file := filepath.Join(dir, name), fsys[name]
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.Data, 0o666|file.Mode&0o111); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
}
