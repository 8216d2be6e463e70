package store_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// What an earlier process left may have been changed since: it is never opened with other bytes than its digest says.
func TestDamagedBytesAreNotOpened(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string) error{
		"other bytes": func(path string) error { return os.WriteFile(path, []byte("evil"), 0) },
		"truncated":   func(path string) error { return os.Truncate(path, 2) },
		"emptied":     func(path string) error { return os.Truncate(path, 0) },
		"appended": func(path string) error {
			return os.WriteFile(path, []byte("good and more"), 0)
		},
		"gone": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			before := openStore(t, dir)
			bad, sound := put(t, before, web, "good"), put(t, before, db, "sound")
			before.Close()
			if err := damage(blobFile(dir, bad.Digest)); err != nil {
				t.Fatal(err)
			}
			after := openStore(t, dir)
			if _, _, err := after.Open(web, bad.Digest); err == nil {
				t.Fatal("damaged bytes were opened")
			}
			wantMissing(t, after, web, bad.Digest)
			read(t, after, db, sound.Digest)
			put(t, after, web, "good")
			read(t, after, web, bad.Digest)
		})
	}
}

func TestPutRepairsDamagedBytes(t *testing.T) {
	t.Parallel()
	for _, damage := range []string{"evil", "longer than it was", ""} {
		t.Run(damage, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			before := openStore(t, dir)
			entry := put(t, before, web, "good")
			before.Close()
			if err := os.WriteFile(blobFile(dir, entry.Digest), []byte(damage), 0); err != nil {
				t.Fatal(err)
			}
			after := openStore(t, dir)
			put(t, after, db, "good")
			read(t, after, web, entry.Digest)
			if stat, err := after.Stat(web, entry.Digest); err != nil || stat != entry {
				t.Errorf("Stat = %+v, %v, want %+v", stat, err, entry)
			}
		})
	}
}

func TestEntryWithoutBytesIsDropped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before := openStore(t, dir)
	lost, kept := put(t, before, web, "lost"), put(t, before, db, "kept")
	before.Close()
	if err := os.Remove(blobFile(dir, lost.Digest)); err != nil {
		t.Fatal(err)
	}
	after := openStore(t, dir)
	wantMissing(t, after, web, lost.Digest)
	if diff := cmp.Diff([]store.Key{db}, after.Keys()); diff != "" {
		t.Error(diff)
	}
	read(t, after, db, kept.Digest)
	checkEntries(t, after, dir)
}

func TestFileRemovedBehindTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	entry := put(t, s, web, "good")
	if err := os.Remove(blobFile(dir, entry.Digest)); err != nil {
		t.Fatal(err)
	}
	wantMissing(t, s, web, entry.Digest)
	put(t, s, web, "good")
	read(t, s, web, entry.Digest)
}
