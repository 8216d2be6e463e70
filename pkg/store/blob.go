package store

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"
)

// Blob reads the bytes of an entry. It stays readable when the entry is dropped, until Close.
type Blob struct{ file *os.File }

// Read implements io.Reader.
func (b *Blob) Read(p []byte) (int, error) { return b.file.Read(p) }

// Seek implements io.Seeker.
func (b *Blob) Seek(offset int64, from int) (int64, error) { return b.file.Seek(offset, from) }

// Close must be called, or the bytes of a dropped entry go on taking room.
func (b *Blob) Close() error { return b.file.Close() }

// SyscallConn lets the kernel copy the bytes to a socket.
func (b *Blob) SyscallConn() (syscall.RawConn, error) { return b.file.SyscallConn() }

type blob struct {
	size    int64
	holders int  // entries, and puts on their way to become one; the last one to go takes the file along
	trusted bool // this process wrote or hashed the bytes

	hashing sync.Mutex
}

// hold keeps a blob, there or yet to come, from being dropped until release. It reports whether the bytes are there and trusted.
func (s *Store) hold(d digest.Digest, size int64) (b *blob, there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b = s.blobs[d]
	if b == nil {
		b = &blob{size: size}
		s.blobs[d] = b
	}
	b.holders++
	return b, b.trusted && s.disk.holds(d, size)
}

func (s *Store) release(d digest.Digest, b *blob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letGo(d, b)
}

// letGo must be called with the lock held: otherwise a Put of equal bytes could lose the file that it has just put into place. A file
// that cannot be removed costs room until the next start, and nothing else.
func (s *Store) letGo(d digest.Digest, b *blob) {
	if b.holders--; b.holders == 0 {
		delete(s.blobs, d)
		s.disk.discard(s.disk.blob(d))
	}
}

// trust hashes a blob that an earlier process left, once. One that does not match is removed; its entries stay, but nothing opens by
// them until the same bytes are put again.
func (s *Store) trust(d digest.Digest, b *blob) error {
	b.hashing.Lock()
	defer b.hashing.Unlock()
	if s.trusted(b) {
		return nil
	}
	file, err := s.disk.root.Open(s.disk.blob(d))
	if err != nil {
		return err
	}
	defer file.Close()
	got, err := digest.SHA256.FromReader(file)
	return s.judge(d, b, got, err)
}

func (s *Store) trusted(b *blob) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return b.trusted
}

// judge takes note of what hashing saw. Bytes that cannot be read are as bad as wrong ones. A Put may have replaced the file
// meanwhile: then its bytes are trusted, and stay.
func (s *Store) judge(d digest.Digest, b *blob, got digest.Digest, failed error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if failed == nil && got == d {
		b.trusted = true
	}
	if b.trusted {
		return nil
	}
	if s.blobs[d] == b {
		s.disk.discard(s.disk.blob(d)) // one that stays is hashed again, never opened
	}
	return fmt.Errorf("bytes on the disk are damaged: %w", fs.ErrNotExist)
}
