package store

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
)

// Store is safe for concurrent use.
type Store struct {
	disk disk

	mu      sync.Mutex // guards what is below, and that it agrees with the names on the disk
	entries map[Key][]entry
	blobs   map[digest.Digest]*blob
}

// entry is an Entry inside its key's list, which is ordered by time, latest last.
type entry struct {
	digest   digest.Digest
	modified time.Time
}

// Close lets go of the folder. Blobs that are open stay readable.
func (s *Store) Close() error { return s.disk.close() }

// Latest returns the newest entry of key, or an error that wraps fs.ErrNotExist.
func (s *Store) Latest(key Key) (Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.entries[key]
	if len(list) == 0 {
		return Entry{}, &fs.PathError{Op: "find", Path: key.LatestPath(), Err: fs.ErrNotExist}
	}
	return s.entry(key, list[len(list)-1]), nil
}

// Stat finds the entry of key for a digest whose bytes are on the disk; it does not read them. The error wraps fs.ErrNotExist when
// key has no such entry, even if another key has one.
func (s *Store) Stat(key Key, d digest.Digest) (Entry, error) {
	e, _, err := s.find(key, d)
	if err == nil && !s.disk.holds(d, e.Size) {
		err = notExist(key, d)
	}
	if err != nil {
		return Entry{}, err
	}
	return e, nil
}

// Open opens the bytes of an entry; the caller closes them. The error wraps fs.ErrNotExist when key has no such entry, even if another
// key has one, and when the bytes turn out not to match their digest.
func (s *Store) Open(key Key, d digest.Digest) (*Blob, Entry, error) {
	e, b, err := s.find(key, d)
	if err != nil {
		return nil, Entry{}, err
	}
	if err := s.trust(d, b); err != nil {
		return nil, Entry{}, fmt.Errorf("open %q: %w", key.Path(d), err)
	}
	file, err := s.disk.root.Open(s.disk.blob(d))
	if err != nil {
		return nil, Entry{}, fmt.Errorf("open %q: %w", key.Path(d), err)
	}
	return &Blob{file}, e, nil
}

// Keys returns the objects that have entries, in order of namespace and name.
func (s *Store) Keys() []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]Key, 0, len(s.entries))
	for key := range s.entries {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return keys
}

func (s *Store) find(key Key, d digest.Digest) (Entry, *blob, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries[key] {
		if e.digest == d {
			return s.entry(key, e), s.blobs[d], nil
		}
	}
	return Entry{}, nil, notExist(key, d)
}

func (s *Store) entry(key Key, e entry) Entry {
	return Entry{Key: key, Digest: e.digest, Size: s.blobs[e.digest].size, Modified: e.modified}
}

func notExist(key Key, d digest.Digest) error {
	return &fs.PathError{Op: "find", Path: key.Path(d), Err: fs.ErrNotExist}
}
