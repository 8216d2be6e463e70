package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// Objects put and drop the same few bytes at once: what an object has just put, it can open.
func TestPutWhileOthersDropEqualBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	var objects sync.WaitGroup
	for object := range 8 {
		objects.Go(func() {
			key := store.Key{Namespace: "apps", Name: fmt.Sprint("object-", object)}
			for round := range 40 {
				entry := put(t, s, key, fmt.Sprint("body-", round%3))
				read(t, s, key, entry.Digest)
				if err := s.Prune(key, entry.Digest, store.Retention{Records: -1}); err != nil {
					t.Error(err)
				}
				read(t, s, key, entry.Digest)
				if round%5 == object%5 {
					if err := s.Remove(key); err != nil {
						t.Error(err)
					}
				}
				s.Usage()
				s.Keys()
			}
		})
	}
	objects.Wait()
	checkEntries(t, s, dir)
}

// One object is put, pruned, removed and read from all sides: every byte that is read is right, and a restart agrees.
func TestOneObjectFromAllSides(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	var sides sync.WaitGroup
	for side := range 3 {
		sides.Go(func() {
			for round := range 50 {
				put(t, s, web, fmt.Sprint("body-", (side+round)%3))
				if round%20 == 0 {
					if err := s.Remove(web); err != nil {
						t.Error(err)
					}
				}
			}
		})
		sides.Go(func() {
			for round := range 50 {
				d := digest.FromString(fmt.Sprint("body-", (side+round)%3))
				if err := s.Prune(web, d, store.Retention{Records: -1}); err != nil {
					t.Error(err)
				}
				blob, _, err := s.Open(web, d)
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err != nil {
					t.Error(err)
					continue
				}
				if got, err := digest.FromReader(blob); err != nil || got != d {
					t.Errorf("read %s, %v, want %s", got, err, d)
				}
				blob.Close()
			}
		})
	}
	sides.Wait()
	checkEntries(t, s, dir)
	latest, _ := s.Latest(web)
	s.Close()
	if again, _ := openStore(t, dir).Latest(web); again != latest {
		t.Errorf("Latest = %+v after a restart, want %+v", again, latest)
	}
}

// Many readers arrive while bytes of an earlier process are not hashed yet, and a Put brings them anew.
func TestFirstReadersAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before := openStore(t, dir)
	entry := put(t, before, web, "good")
	before.Close()
	after := openStore(t, dir)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() { read(t, after, web, entry.Digest) })
		readers.Go(func() { put(t, after, db, "good") })
	}
	readers.Wait()
}
