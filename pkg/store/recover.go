package store

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/opencontainers/go-digest"
)

// Open opens the store in a folder, which is made where it is missing. It keeps the entries that an earlier process completed, and
// removes what one left half done. It does not read the bytes: see [Store.Open]. A folder that another process uses is an error, where
// the system has locks.
func Open(dir string) (*Store, error) {
	d, err := openDisk(dir)
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, err)
	}
	s := &Store{disk: d, entries: map[Key][]entry{}, blobs: map[digest.Digest]*blob{}}
	if err := s.recover(); err != nil {
		d.close()
		return nil, fmt.Errorf("open store %q: %w", dir, err)
	}
	return s, nil
}

func (s *Store) recover() error {
	var folders []string
	err := fs.WalkDir(s.disk.root.FS(), kind, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			folders = append(folders, path)
			return nil
		}
		if key, sum, err := ParsePath(path); err == nil && sum != "" && d.Type().IsRegular() {
			return s.adopt(key, sum, d)
		}
		return nil // what no Put has made is left alone
	})
	if err != nil {
		return err
	}
	for _, list := range s.entries {
		slices.SortFunc(list, func(a, b entry) int { return a.modified.Compare(b.modified) })
	}
	for _, folder := range slices.Backward(folders[1:]) {
		s.disk.discard(folder) // stays, as it should, where entries are in it
	}
	return s.sweep()
}

// adopt takes up an entry, or removes it when its blob is missing.
func (s *Store) adopt(key Key, sum digest.Digest, d fs.DirEntry) error {
	info, err := s.disk.root.Lstat(s.disk.blob(sum))
	if err != nil || !info.Mode().IsRegular() {
		return s.disk.remove(key.Path(sum))
	}
	marker, err := d.Info()
	if err != nil {
		return err
	}
	b := s.blobs[sum]
	if b == nil {
		b = &blob{size: info.Size()}
		s.blobs[sum] = b
	}
	b.holders++
	s.entries[key] = append(s.entries[key], entry{digest: sum, modified: marker.ModTime().UTC()})
	return nil
}

// sweep removes blobs that no entry holds.
func (s *Store) sweep() error {
	files, err := fs.ReadDir(s.disk.root.FS(), blobFolder)
	if err != nil {
		return err
	}
	for _, file := range files {
		sum := digest.NewDigestFromEncoded(digest.SHA256, file.Name())
		if !sha256Digest.MatchString(string(sum)) || s.blobs[sum] != nil {
			continue
		}
		if err := s.disk.remove(s.disk.blob(sum)); err != nil {
			return err
		}
	}
	return nil
}
