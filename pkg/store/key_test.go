package store_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

func TestPath(t *testing.T) {
	t.Parallel()
	d := digest.FromString("x")
	want := "ocirepository/apps/web/" + string(d) + ".tar.gz"
	if got := web.Path(d); got != want {
		t.Errorf("Path = %q, want %q", got, want)
	}
	if got := (store.Entry{Key: web, Digest: d}).Path(); got != want {
		t.Errorf("Entry.Path = %q, want %q", got, want)
	}
	if got, want := web.LatestPath(), "ocirepository/apps/web/latest.tar.gz"; got != want {
		t.Errorf("LatestPath = %q, want %q", got, want)
	}
}

func TestParsePath(t *testing.T) {
	t.Parallel()
	d := digest.FromString("x")
	for _, want := range []digest.Digest{"", d} {
		path := web.LatestPath()
		if want != "" {
			path = web.Path(want)
		}
		if key, got, err := store.ParsePath(path); err != nil || key != web || got != want {
			t.Errorf("ParsePath(%q) = %v, %q, %v", path, key, got, err)
		}
	}
	base := string(d) + ".tar.gz"
	for _, path := range []string{
		"", "/", "ocirepository", "ocirepository/apps/web", "ocirepository/apps/web/", "ocirepository/apps/web/latest",
		"/ocirepository/apps/web/" + base, "ocirepository//web/" + base, "ocirepository/apps/web/x/" + base,
		"ocirepository/apps/../" + base, "ocirepository/../web/" + base, "ocirepository/apps/web/../" + base,
		"gitrepository/apps/web/" + base, "ocirepository/apps/web/" + base + "/", "ocirepository/apps/web/" + base + ".tar.gz",
		"ocirepository/apps/web/" + string(d), "ocirepository/apps/web/" + strings.ToUpper(base),
		"ocirepository/apps/web/" + strings.Replace(base, ":", "%3A", 1), "ocirepository/apps/web/" + d.Encoded() + ".tar.gz",
		"ocirepository/apps/web/sha512:" + d.Encoded() + d.Encoded() + ".tar.gz", "ocirepository/apps/web/sha256:..tar.gz",
		`ocirepository\apps\web\` + base, "ocirepository/apps/web\x00/" + base, "ocirepository/apps/web/" + base + "\n",
	} {
		if key, got, err := store.ParsePath(path); err == nil {
			t.Errorf("ParsePath(%q) = %v, %q, want an error", path, key, got)
		}
	}
}

// Whatever is parsed is the one spelling of what it means.
func FuzzParsePath(f *testing.F) {
	f.Add(web.LatestPath())
	f.Add(web.Path(digest.FromString("x")))
	f.Add("ocirepository/a.b/../latest.tar.gz")
	f.Fuzz(func(t *testing.T, path string) {
		key, d, err := store.ParsePath(path)
		if err != nil {
			return
		}
		again := key.LatestPath()
		if d != "" {
			again = key.Path(d)
		}
		if again != path || strings.Contains(path, "..") || strings.ContainsAny(path, "\\%\x00") {
			t.Errorf("ParsePath(%q) = %v, %q, which is written %q", path, key, d, again)
		}
	})
}
