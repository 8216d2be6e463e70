package store_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// The test binary is also the process that gets killed and the one whose disk is full.
func TestMain(m *testing.M) {
	dir := os.Getenv("STORE_TEST_DIR")
	switch os.Getenv("STORE_TEST_PROCESS") {
	case "put":
		putUntilKilled(dir)
	case "full":
		putBeyondLimit(dir)
	default:
		os.Exit(m.Run())
	}
}

var web, db = store.Key{Namespace: "apps", Name: "web"}, store.Key{Namespace: "apps", Name: "db"}

func openStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func content(body string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, body)
		return err
	}
}

func put(t testing.TB, s *store.Store, key store.Key, body string) store.Entry {
	t.Helper()
	entry, err := s.Put(key, content(body))
	if err != nil {
		t.Fatal(err)
	}
	if want := digest.FromString(body); entry.Digest != want || entry.Size != int64(len(body)) || entry.Key != key {
		t.Fatalf("Put(%s) = %+v, want digest %s, size %d", key, entry, want, len(body))
	}
	return entry
}

func read(t testing.TB, s *store.Store, key store.Key, d digest.Digest) string {
	t.Helper()
	blob, entry, err := s.Open(key, d)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	var body bytes.Buffer
	if _, err := io.Copy(&body, blob); err != nil {
		t.Fatal(err)
	}
	if got := digest.FromBytes(body.Bytes()); got != d || entry.Digest != d || entry.Size != int64(body.Len()) {
		t.Errorf("Open(%s, %s) = %+v and bytes of %s", key, d, entry, got)
	}
	return body.String()
}

func wantMissing(t testing.TB, s *store.Store, key store.Key, d digest.Digest) {
	t.Helper()
	if _, err := s.Stat(key, d); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat(%s, %s) = %v, want fs.ErrNotExist", key, d, err)
	}
	if blob, _, err := s.Open(key, d); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open(%s, %s) = %v, want fs.ErrNotExist", key, d, err)
		if err == nil {
			blob.Close()
		}
	}
}

// files lists the regular files below dir.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func blobFile(dir string, d digest.Digest) string {
	return filepath.Join(dir, "blobs", "sha256", d.Encoded())
}
