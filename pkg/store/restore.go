package store

import (
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
)

// OtherBytesError says that what was to be put back is not what it should be.
type OtherBytesError struct{ Want, Got digest.Digest }

func (e *OtherBytesError) Error() string {
	return fmt.Sprintf("the bytes have digest %s, not %s", e.Got, e.Want)
}

// Restore puts back the bytes of a digest that key has, or had, an entry for. It is as safe as [Store.Put], and refuses other bytes with
// an [*OtherBytesError]. Beside other entries of key the one that is put back counts as the oldest: it is for Put and Prune to say which
// is the latest, and who restores may know less than they.
func (s *Store) Restore(key Key, d digest.Digest, write func(io.Writer) error) (Entry, error) {
	if !sha256Digest.MatchString(string(d)) {
		return Entry{}, fmt.Errorf("restore %q: %q is no sha256 digest", key, d)
	}
	entry, err := s.put(key, d, write)
	if err != nil {
		return Entry{}, fmt.Errorf("restore %q: %w", key.Path(d), err)
	}
	return entry, nil
}

// prepend makes the oldest entry. It must be called with the lock held.
func (s *Store) prepend(key Key, d digest.Digest, b *blob) (entry, error) {
	list := s.entries[key]
	old := entry{digest: d, modified: list[0].modified.Add(-1)}
	if err := s.disk.mark(key, d, old.modified); err != nil {
		return entry{}, err
	}
	b.holders++
	s.entries[key] = append([]entry{old}, list...)
	return old, nil
}
