package store

import "os"

// Folder is the file that the lock is on.
func (s *Store) Folder() *os.File { return s.disk.folder }

// Usage returns how many entries there are, and how many bytes they take on the disk together.
func (s *Store) Usage() (entries int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range s.entries {
		entries += len(list)
	}
	for _, b := range s.blobs {
		bytes += b.size
	}
	return entries, bytes
}
