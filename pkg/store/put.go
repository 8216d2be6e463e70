package store

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
)

// Put stores what write writes, and makes it the latest entry of key. The entry survives a crash once Put has returned. Putting the
// bytes of the latest entry again leaves that entry as it is.
//
// The error wraps what write returned; a full disk is syscall.ENOSPC. An error leaves every earlier entry as it was.
func (s *Store) Put(key Key, write func(io.Writer) error) (Entry, error) {
	entry, err := s.put(key, "", write)
	if err != nil {
		return Entry{}, fmt.Errorf("put %q: %w", key, err)
	}
	return entry, nil
}

// put accepts any bytes for the latest entry, or only those that want is the digest of for whichever entry.
func (s *Store) put(key Key, want digest.Digest, write func(io.Writer) error) (Entry, error) {
	if err := key.validate(); err != nil {
		return Entry{}, err
	}
	t, err := s.disk.temporary()
	if err != nil {
		return Entry{}, err
	}
	defer s.disk.discard(t.name) // does nothing once the file has its place
	defer t.file.Close()
	if err := t.fill(write); err != nil {
		return Entry{}, err
	}
	if want != "" && want != t.digest() {
		return Entry{}, &OtherBytesError{Want: want, Got: t.digest()}
	}
	b, there := s.hold(t.digest(), t.size)
	defer s.release(t.digest(), b)
	if !there {
		if err := s.place(t, b); err != nil {
			return Entry{}, err
		}
	}
	return s.enter(key, t.digest(), b, want != "")
}

// place puts fresh bytes where the blob belongs, also over older ones that nobody has hashed yet: readers of those keep their file.
func (s *Store) place(t *temporary, b *blob) error {
	if err := t.sync(); err != nil {
		return err
	}
	if err := s.rename(t, b); err != nil {
		return err
	}
	return s.disk.sync(blobFolder)
}

func (s *Store) rename(t *temporary, b *blob) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.disk.root.Rename(t.name, s.disk.blob(t.digest())); err != nil {
		return nameless(err)
	}
	b.size, b.trusted = t.size, true
	return nil
}

// enter makes the blob, which the caller holds, the latest entry of key, or one that was there before the others. Readers wait while names are made and removed, which keeps the
// disk and what is known of it the same. They do not wait for what takes long on a slow disk: bytes are written, and folders synced,
// without the lock.
func (s *Store) enter(key Key, d digest.Digest, b *blob, restored bool) (Entry, error) {
	e, changed, err := s.mark(key, d, b, restored)
	if err != nil {
		return Entry{}, err
	}
	return e, s.disk.sync(changed...)
}

func (s *Store) mark(key Key, d digest.Digest, b *blob, restored bool) (e Entry, changed []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.entries[key]
	at := slices.IndexFunc(list, func(e entry) bool { return e.digest == d })
	if at >= 0 && (restored || at == len(list)-1) {
		return s.entry(key, list[at]), nil, nil
	}
	add := s.append
	if restored && len(list) > 0 {
		add = s.prepend
	}
	fresh, err := add(key, d, b)
	if err != nil {
		return Entry{}, nil, err
	}
	if len(list) == 0 {
		return s.entry(key, fresh), upward(key), nil
	}
	return s.entry(key, fresh), upward(key)[:1], nil
}

// append makes the latest entry, or makes one the latest that is there already. It must be called with the lock held.
func (s *Store) append(key Key, d digest.Digest, b *blob) (entry, error) {
	list := s.entries[key]
	fresh := entry{digest: d, modified: time.Now().UTC().Round(0)}
	if last := len(list) - 1; last >= 0 && !fresh.modified.After(list[last].modified) {
		fresh.modified = list[last].modified.Add(1) // a clock that was set back must not make an older entry the latest
	}
	if err := s.disk.mark(key, d, fresh.modified); err != nil {
		return entry{}, err
	}
	others := slices.DeleteFunc(slices.Clone(list), func(e entry) bool { return e.digest == d })
	if len(others) == len(list) {
		b.holders++
	}
	s.entries[key] = append(others, fresh)
	return fresh, nil
}
