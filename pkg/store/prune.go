package store

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
)

// Retention says how long readers that learned of an entry a moment ago can still open it after it was superseded.
type Retention struct {
	Records int           // entries kept beside the current one; zero means 2, negative none
	TTL     time.Duration // how long ago they may have been superseded; zero means 60 s, negative none is kept
	Since   time.Time     // when the latest was superseded by a current one that is not there; zero: just now
}

// Prune drops the entries of key, except current and those that the retention keeps. Current becomes the latest where another one is,
// which was put and then not used. Whoever has a dropped entry open reads on. When there is nothing to do, no disk is touched.
func (s *Store) Prune(key Key, current digest.Digest, keep Retention) error {
	err := s.promote(key, current)
	if err == nil {
		err = s.drop(key, func(list []entry) []entry { return keep.expired(list, current, time.Now()) })
	}
	if err != nil {
		return fmt.Errorf("prune %q: %w", key, err)
	}
	return nil
}

// Remove drops all entries of key.
func (s *Store) Remove(key Key) error {
	err := s.drop(key, slices.Clone)
	if err != nil {
		return fmt.Errorf("remove %q: %w", key, err)
	}
	return nil
}

// Drop drops one entry of key. It is no error when there is none.
func (s *Store) Drop(key Key, d digest.Digest) error {
	err := s.drop(key, func(list []entry) []entry {
		return slices.DeleteFunc(slices.Clone(list), func(e entry) bool { return e.digest != d })
	})
	if err != nil {
		return fmt.Errorf("drop %q: %w", key.Path(d), err)
	}
	return nil
}

// expired goes from the latest entry to the oldest. An entry was superseded when the next one was made, and the latest, where
// it is not current, by one that is not there.
func (r Retention) expired(list []entry, current digest.Digest, now time.Time) []entry {
	records, ttl := cmp.Or(r.Records, 2), cmp.Or(r.TTL, time.Minute)
	var expired []entry
	for i, e := range slices.Backward(list) {
		if e.digest == current {
			continue
		}
		superseded := cmp.Or(r.Since, now)
		if i+1 < len(list) {
			superseded = list[i+1].modified
		}
		if records > 0 && now.Sub(superseded) < ttl {
			records--
			continue
		}
		expired = append(expired, e)
	}
	return expired
}

// promote makes an entry the latest that is there and is not.
func (s *Store) promote(key Key, current digest.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.entries[key]
	at := slices.IndexFunc(list, func(e entry) bool { return e.digest == current })
	if at < 0 || at == len(list)-1 {
		return nil
	}
	_, err := s.append(key, current, s.blobs[current])
	return err
}

func (s *Store) drop(key Key, choose func([]entry) []entry) error {
	s.mu.Lock()
	changed, err := s.unmark(key, choose(s.entries[key]))
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.disk.sync(changed...)
}

// unmark removes an entry before its blob: the other way round, a crash would leave an entry without bytes.
func (s *Store) unmark(key Key, drop []entry) (changed []string, err error) {
	for _, e := range drop {
		if err := s.disk.remove(key.Path(e.digest)); err != nil {
			return nil, err
		}
		s.entries[key] = slices.DeleteFunc(s.entries[key], func(other entry) bool { return other == e })
		s.letGo(e.digest, s.blobs[e.digest])
		changed = upward(key)[:1]
	}
	if changed != nil && len(s.entries[key]) == 0 {
		delete(s.entries, key)
		changed = upward(key)[1:]
		for _, folder := range upward(key)[:2] {
			s.disk.discard(folder) // stays, as it should, where other objects are in it
		}
	}
	return changed, nil
}
