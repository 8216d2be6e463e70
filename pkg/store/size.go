package store

// Size returns how many entries there are, and how many bytes they take on the disk, where equal ones count once.
func (s *Store) Size() (entries int, bytes int64) {
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
