package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
)

// Dir is the file system of one folder. Links to files and folders inside it are followed; everything else a link may point
// to is out of reach, whatever happens to the folder meanwhile.
type Dir struct {
	root *os.Root
	fsys fs.FS

	mu     sync.Mutex
	last   *os.Root // the folder that a file was opened in last
	lastAt string
}

// OpenDir opens the folder at path, which may itself be a link. The caller closes it.
func OpenDir(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open folder %q: %w", path, cause(err))
	}
	return &Dir{root: root, fsys: root.FS()}, nil
}

// Close releases the folder.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil {
		d.last.Close()
	}
	return d.root.Close()
}

// Open opens a file or folder, through links. A folder is to be listed with ReadDir.
func (d *Dir) Open(name string) (fs.File, error) {
	if fs.ValidPath(name) {
		if f, err := d.openNear(name); err == nil {
			return f, nil
		}
	}
	return d.fsys.Open(name)
}

// openNear opens a file in the folder of the one before, which spares a walk down from the root for each. It cannot follow a
// link out of that folder, even where it stays inside d, and says nothing on why it fails.
func (d *Dir) openNear(name string) (fs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if dir := path.Dir(name); d.last == nil || dir != d.lastAt {
		near, err := d.root.OpenRoot(filepath.FromSlash(dir))
		if err != nil {
			return nil, err
		}
		if d.last != nil {
			d.last.Close()
		}
		d.last, d.lastAt = near, dir
	}
	return d.last.FS().Open(path.Base(name))
}

// Stat describes a file or folder, through links.
func (d *Dir) Stat(name string) (fs.FileInfo, error) { return fs.Stat(d.fsys, name) }

// ReadDir lists a folder in the order of names. A link is listed as what it points to. One that leads nowhere, out of the
// folder or back into a folder around it stays a link, and its Info is an error that names link and target: so it
// does no harm where a rule leaves it out.
func (d *Dir) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(d.fsys, name)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		if e.Type()&fs.ModeSymlink != 0 {
			entries[i] = d.follow(path.Join(name, e.Name()), e)
		}
	}
	return entries, nil
}

func (d *Dir) follow(name string, link fs.DirEntry) fs.DirEntry {
	info, err := d.Stat(name)
	if err == nil && info.IsDir() {
		err = d.checkLoop(path.Dir(name), info)
	}
	if err != nil {
		return brokenLink{link, d.explain(name, err)}
	}
	return fs.FileInfoToDirEntry(info)
}

var errLoop = errors.New("the target holds the link")

// checkLoop fails when target is dir or a folder around it.
func (d *Dir) checkLoop(dir string, target fs.FileInfo) error {
	for ; ; dir = path.Dir(dir) {
		info, err := d.Stat(dir)
		if err != nil {
			return err
		}
		if os.SameFile(info, target) {
			return errLoop
		}
		if dir == root {
			return nil
		}
	}
}

// explain names a link, its target and what is wrong with it.
func (d *Dir) explain(name string, err error) error {
	target, readErr := d.root.Readlink(filepath.FromSlash(name))
	if readErr != nil {
		return fmt.Errorf("follow link %q: %w", name, cause(err))
	}
	switch {
	case filepath.IsAbs(target):
		err = errors.New("absolute links cannot be packed")
	case !filepath.IsLocal(filepath.Join(filepath.Dir(filepath.FromSlash(name)), target)):
		err = errors.New("leaves the folder")
	}
	return fmt.Errorf("follow link %q to %q: %w", name, target, cause(err))
}

// brokenLink is a link that cannot be followed.
type brokenLink struct {
	fs.DirEntry
	err error
}

func (l brokenLink) Info() (fs.FileInfo, error) { return nil, l.err }
