package store_test

import (
	"os"
	"strings"
	"testing"
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
	dir := t.TempDir()
	before := openStore(t, dir)
	bad := put(t, before, web, "good")
	before.Close()
	if err := os.WriteFile(blobFile(dir, bad.Digest), []byte(strings.Repeat("evil", 9)), 0); err != nil {
		t.Fatal(err)
	}
	after := openStore(t, dir)
	put(t, after, db, "good")
	read(t, after, web, bad.Digest)
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
