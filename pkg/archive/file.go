package archive

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// OpenFile is the file system that holds the regular file at path under its base name, and nothing else.
func OpenFile(path string) (fs.FS, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open file %q: %w", path, cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open file %q: not a regular file", path)
	}
	open := func() (fs.File, error) { return os.Open(path) }
	return single{info: info, open: open}, nil
}

// FromSpool is the file system that holds what is in the spool as a file called name, and nothing else. name has no slash. The
// spool stays the caller's to close.
func FromSpool(name string, s *Spool) fs.FS {
	info := fileInfo{name, s.Size(), 0o644}
	open := func() (fs.File, error) {
		r, err := s.Open()
		return spooledFile{r, info}, err
	}
	return single{info: info, open: open}
}

// single is a root folder with one file in it.
type single struct {
	info fs.FileInfo
	open func() (fs.File, error)
}

func (s single) Open(name string) (fs.File, error) {
	switch {
	case name == root:
		return &singleRoot{rest: []fs.DirEntry{fs.FileInfoToDirEntry(s.info)}}, nil
	case name == s.info.Name():
		return s.open()
	case !fs.ValidPath(name):
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

type singleRoot struct{ rest []fs.DirEntry }

func (*singleRoot) Close() error               { return nil }
func (*singleRoot) Stat() (fs.FileInfo, error) { return fileInfo{root, 0, fs.ModeDir | 0o755}, nil }
func (*singleRoot) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: root, Err: fs.ErrInvalid}
}

func (d *singleRoot) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := d.rest
	if n > 0 && len(rest) == 0 {
		return nil, io.EOF
	}
	d.rest = nil
	return rest, nil
}

type spooledFile struct {
	io.ReadCloser
	info fileInfo
}

func (f spooledFile) Stat() (fs.FileInfo, error) { return f.info, nil }

type fileInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i fileInfo) Name() string      { return i.name }
func (i fileInfo) Size() int64       { return i.size }
func (i fileInfo) Mode() fs.FileMode { return i.mode }
func (fileInfo) ModTime() time.Time  { return time.Time{} }
func (i fileInfo) IsDir() bool       { return i.mode.IsDir() }
func (fileInfo) Sys() any            { return nil }
