package store_test

import (
	"io"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// Equal bytes of several objects take room once, and what is removed takes none.
func TestSize(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	one, two := store.Key{Namespace: "a", Name: "one"}, store.Key{Namespace: "a", Name: "two"}
	for _, put := range []struct {
		key  store.Key
		text string
	}{{one, "equal"}, {two, "equal"}, {two, "another"}} {
		if _, err := s.Put(put.key, func(w io.Writer) error { _, err := io.WriteString(w, put.text); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if entries, bytes := s.Size(); entries != 3 || bytes != int64(len("equal")+len("another")) {
		t.Errorf("%d entries, %d bytes", entries, bytes)
	}
	if err := s.Remove(two); err != nil {
		t.Fatal(err)
	}
	if entries, bytes := s.Size(); entries != 1 || bytes != int64(len("equal")) {
		t.Errorf("%d entries, %d bytes are left", entries, bytes)
	}
}
