package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

func restore(t *testing.T, s *store.Store, body string) {
	t.Helper()
	d := digest.FromString(body)
	if entry, err := s.Restore(web, d, content(body)); err != nil || entry.Digest != d || entry.Key != web {
		t.Fatalf("Restore = %+v, %v", entry, err)
	}
}

func wantLatest(t *testing.T, s *store.Store, want digest.Digest) {
	t.Helper()
	if latest, err := s.Latest(web); err != nil || latest.Digest != want {
		t.Errorf("Latest = %s, %v, want %s", latest.Digest, err, want)
	}
}

// Who restores may be late: what was put meanwhile stays the latest, also for the next process.
func TestRestoredIsNotLatest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	restore(t, s, "one")
	wantLatest(t, s, digest.FromString("one"))
	two := put(t, s, web, "two").Digest
	restore(t, s, "zero")
	restore(t, s, "one")
	wantLatest(t, s, two)
	if got := read(t, s, web, digest.FromString("zero")); got != "zero" {
		t.Errorf("read %q", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir)
	wantLatest(t, s, two)
	if err := s.Prune(web, digest.FromString("one"), store.Retention{Records: 5, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	wantLatest(t, s, digest.FromString("one"))
}

// Nothing of other bytes stays.
func TestRestoreRefusesOtherBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	want, got := digest.FromString("good"), digest.FromString("evil")
	_, err := s.Restore(web, want, content("evil"))
	if other, ok := errors.AsType[*store.OtherBytesError](err); !ok || other.Want != want || other.Got != got {
		t.Errorf("Restore = %v", err)
	}
	for _, d := range []digest.Digest{"", "sha256:", "sha256:../../x"} {
		if _, err := s.Restore(web, d, content("good")); err == nil {
			t.Errorf("Restore accepts the digest %q", d)
		}
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
