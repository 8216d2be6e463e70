package store_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

func TestPutThenOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	for _, body := range []string{"", "one", strings.Repeat("many ", 1<<20)} {
		entry := put(t, s, web, body)
		if got := read(t, s, web, entry.Digest); got != body {
			t.Errorf("read %d bytes, want the %d that were put", len(got), len(body))
		}
		stat, err := s.Stat(web, entry.Digest)
		if err != nil || stat != entry {
			t.Errorf("Stat = %+v, %v, want %+v", stat, err, entry)
		}
		if latest, err := s.Latest(web); err != nil || latest != entry {
			t.Errorf("Latest = %+v, %v, want %+v", latest, err, entry)
		}
	}
}

func TestEntriesSurviveRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before := openStore(t, dir)
	want := []store.Entry{put(t, before, web, "one"), put(t, before, web, "two"), put(t, before, db, "one")}
	before.Close()
	after := openStore(t, dir)
	for _, w := range want {
		if got, err := after.Stat(w.Key, w.Digest); err != nil || got != w {
			t.Errorf("Stat = %+v, %v, want %+v", got, err, w)
		}
		read(t, after, w.Key, w.Digest)
	}
	if got, err := after.Latest(web); err != nil || got != want[1] {
		t.Errorf("Latest = %+v, %v, want %+v", got, err, want[1])
	}
	if diff := cmp.Diff([]store.Key{db, web}, after.Keys()); diff != "" {
		t.Error(diff)
	}
}

func TestEqualBytesAreKeptOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	one := put(t, s, web, "shared")
	put(t, s, db, "shared")
	want := []string{"blobs/sha256/" + one.Digest.Encoded(), db.Path(one.Digest), web.Path(one.Digest)}
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Error(diff)
	}
	if entries, bytes := s.Usage(); entries != 2 || bytes != int64(len("shared")) {
		t.Errorf("Usage = %d entries, %d bytes", entries, bytes)
	}
	if err := s.Remove(web); err != nil {
		t.Fatal(err)
	}
	read(t, s, db, one.Digest)
	if err := s.Remove(db); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) > 0 {
		t.Errorf("left behind: %q", got)
	}
	if folders, err := os.ReadDir(filepath.Join(dir, "ocirepository")); err != nil || len(folders) > 0 {
		t.Errorf("left behind: %v, %v", folders, err)
	}
	if entries, bytes := s.Usage(); entries != 0 || bytes != 0 {
		t.Errorf("Usage = %d entries, %d bytes", entries, bytes)
	}
}

func TestBytesAreNoPermission(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	secret := put(t, s, web, "secret").Digest
	put(t, s, db, "public")
	for _, key := range []store.Key{
		db,
		{Namespace: "other", Name: "web"},
		{Namespace: "apps", Name: "web/../web"},
		{Namespace: "db/../apps", Name: "web"},
		{Namespace: "apps", Name: ""},
		{},
	} {
		wantMissing(t, s, key, secret)
	}
}

func TestOpenOfNoDigest(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	put(t, s, web, "one")
	for _, d := range []digest.Digest{"", "sha256:", "sha256:../../x", "latest", digest.FromString("other")} {
		wantMissing(t, s, web, d)
	}
	if _, err := s.Latest(db); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Latest = %v, want fs.ErrNotExist", err)
	}
}

func TestPutRefusesHostileNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, filepath.Join(dir, "store"))
	for _, bad := range []string{
		"", ".", "..", "../..", "a/b", `a\b`, "/etc", "a..b", "-a", "a-", "A", "a b", "a\x00", "a\n", "%2e%2e", "a_b", "ä", "a:b",
		strings.Repeat("a", 254),
	} {
		for _, key := range []store.Key{{Namespace: bad, Name: "web"}, {Namespace: "apps", Name: bad}} {
			if _, err := s.Put(key, content("x")); err == nil {
				t.Errorf("Put(%q) succeeded", key)
			}
		}
	}
	if _, err := s.Put(store.Key{Namespace: "a.b", Name: "web"}, content("x")); err == nil {
		t.Error("a namespace with a dot was accepted")
	}
	if got := files(t, dir); len(got) > 0 {
		t.Errorf("left behind: %q", got)
	}
	put(t, s, store.Key{Namespace: strings.Repeat("a", 63), Name: strings.Repeat("b.", 126) + "c"}, "longest names")
}

func TestFailedPutChangesNothing(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, write := range map[string]func(io.Writer) error{
		"before the first byte": func(io.Writer) error { return boom },
		"halfway": func(w io.Writer) error {
			return errors.Join(content("half")(w), boom)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := openStore(t, dir)
			good := put(t, s, web, "good")
			before := files(t, dir)
			if _, err := s.Put(web, write); !errors.Is(err, boom) || !strings.Contains(err.Error(), "apps/web") {
				t.Errorf("Put = %v, want boom with the object's name", err)
			}
			if diff := cmp.Diff(before, files(t, dir)); diff != "" {
				t.Error(diff)
			}
			if latest, err := s.Latest(web); err != nil || latest != good {
				t.Errorf("Latest = %+v, %v", latest, err)
			}
		})
	}
}

func TestLatestIsWhatWasPutLast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	one := put(t, s, web, "one")
	two := put(t, s, web, "two")
	put(t, s, db, "one") // the other object's entry must not renew this one's
	if latest, _ := s.Latest(web); latest != two {
		t.Errorf("Latest = %+v, want %+v", latest, two)
	}
	if again := put(t, s, web, "two"); again != two {
		t.Errorf("putting the latest again changed it: %+v, want %+v", again, two)
	}
	back := put(t, s, web, "one")
	if !back.Modified.After(two.Modified) || !two.Modified.After(one.Modified) {
		t.Errorf("times do not grow: %v, %v, %v", one.Modified, two.Modified, back.Modified)
	}
	s.Close()
	if latest, _ := openStore(t, dir).Latest(web); latest != back {
		t.Errorf("Latest = %+v after a restart, want %+v", latest, back)
	}
}

func TestClockSetBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before := openStore(t, dir)
	one := put(t, before, web, "one")
	before.Close()
	future := one.Modified.AddDate(1, 0, 0)
	if err := os.Chtimes(filepath.Join(dir, filepath.FromSlash(one.Path())), future, future); err != nil {
		t.Fatal(err)
	}
	after := openStore(t, dir)
	two := put(t, after, web, "two")
	if latest, _ := after.Latest(web); latest != two || !two.Modified.After(future) {
		t.Errorf("Latest = %+v, want %+v, younger than %v", latest, two, future)
	}
}

func TestOpenLeavesForeignFilesAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	earlier := openStore(t, dir)
	put(t, earlier, web, "one")
	earlier.Close()
	foreign := []string{"lost+found/x", "blobs/sha256/README", "ocirepository/apps/web/notes.txt", "ocirepository/x"}
	for _, name := range foreign {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	before := files(t, dir)
	s := openStore(t, dir)
	if diff := cmp.Diff(before, files(t, dir)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]store.Key{web}, s.Keys()); diff != "" {
		t.Error(diff)
	}
}

func TestOpenOfNoFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("Open = %v, want an error that names the file", err)
	}
}
