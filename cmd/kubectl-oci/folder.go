package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
)

// What is not whole yet lies in a hidden folder of such a name, beside its place.
const partialPattern = ".kubectl-oci-*"

var errNowhere = errors.New("it is a link that leads nowhere")

// leadsNowhere tells whether path is a link to what does not exist.
func leadsNowhere(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist) && !absent(path)
}

// target is a folder that an artifact is unpacked into: beside it first, then moved into its place, so that nobody meets it
// half written.
type target struct {
	path    string
	exists  bool
	partial string   // holds the tree until it is whole, on the same file system
	apart   bool     // the folder exists and may be replaced while it is empty: partial lies beside it, not in it
	made    []string // folders around path that were missing, the innermost first
}

// prepare refuses what could not be finished, before anything is fetched.
func prepare(path string, merge bool) (*target, error) {
	path = filepath.Clean(path)
	entries, err := os.ReadDir(path)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		return nil, fmt.Errorf("unpack into %q: %w", path, cause(err))
	case leadsNowhere(path):
		return nil, fmt.Errorf("unpack into %q: %w", path, errNowhere)
	case !merge && slices.ContainsFunc(entries, notOurs):
		return nil, usageError{fmt.Errorf("unpack into %q: it holds files already: name another folder with --to, or allow it with --merge", path)}
	}
	t := &target{path: path, exists: !missing}
	begin := t.beginNew
	if t.exists {
		begin = t.beginInside
	}
	if err := begin(); err != nil {
		t.abort()
		return nil, fmt.Errorf("unpack into %q: %w", path, cause(err))
	}
	return t, nil
}

// notOurs tells what somebody put into a folder from what a pull left there that was killed.
func notOurs(d fs.DirEntry) bool {
	ours, err := filepath.Match(partialPattern, d.Name())
	return err != nil || !ours
}

func (t *target) beginNew() (err error) {
	beside := filepath.Dir(t.path)
	for dir := beside; absent(dir); dir = filepath.Dir(dir) {
		t.made = append(t.made, dir)
	}
	if err := os.MkdirAll(beside, 0o777); err != nil {
		return err
	}
	t.partial, err = os.MkdirTemp(beside, partialPattern)
	return err
}

// beginInside makes the partial folder where the tree could at worst be moved from, name by name, and takes it out of the folder
// at once if that can be: then one step puts a whole folder in the place of the empty one. It cannot be done with a mount
// point, nor where one may not write beside it; the current folder stays because a shell is in it.
func (t *target) beginInside() (err error) {
	if t.path, err = filepath.EvalSymlinks(t.path); err != nil {
		return err
	}
	if t.partial, err = os.MkdirTemp(t.path, partialPattern); err != nil {
		return err
	}
	if isCurrent(t.path) {
		return nil
	}
	beside := filepath.Join(filepath.Dir(t.path), filepath.Base(t.partial))
	if os.Rename(t.partial, beside) == nil {
		t.partial, t.apart = beside, true
	}
	return nil
}

func isCurrent(path string) bool {
	here, err := os.Stat(".")
	if err != nil {
		return true // it cannot be told
	}
	info, err := os.Stat(path)
	return err != nil || os.SameFile(here, info)
}

func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// abort removes what is not in its place, and the folders that were made for it. After success there is nothing to remove.
func (t *target) abort() {
	if t.partial != "" {
		_ = os.RemoveAll(t.partial)
	}
	for _, dir := range t.made {
		_ = os.Remove(dir) // fails where something lies in it
	}
}

func (t *target) unpack(ctx context.Context, spool *archive.Spool) error {
	r, err := spool.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	tree := filepath.Join(t.partial, "tree")
	if err := os.Mkdir(tree, 0o777); err != nil { // the umask decides, as for any new folder
		return err
	}
	if err := archive.Extract(ctx, r, tree, archive.Limits{}); err != nil {
		return err
	}
	return t.place(tree)
}

// place puts the whole tree where it belongs: in one step where the folder is new, or empty and replaceable.
func (t *target) place(tree string) error {
	if info, err := os.Stat(t.path); err == nil && t.apart {
		if err := os.Chmod(tree, info.Mode()); err != nil {
			return err
		}
		t.exists = os.Remove(t.path) != nil // something lies in it
	}
	if !t.exists {
		return os.Rename(tree, t.path)
	}
	if err := checkMerge(tree, t.path); err != nil {
		return err
	}
	return merge(tree, t.path)
}

// checkMerge fails before anything is moved where a file would have to take the place of a folder, or a folder that of a file.
func checkMerge(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		place := filepath.Join(to, strings.TrimPrefix(path, from))
		info, err := os.Lstat(place)
		switch {
		case errors.Is(err, fs.ErrNotExist) && d.IsDir():
			return fs.SkipDir
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return fmt.Errorf("replace %q: %w", place, cause(err))
		case path != from && info.IsDir() && !d.IsDir():
			return fmt.Errorf("replace %q: it is a folder, and a file in the artifact", place)
		case path != from && !info.IsDir() && d.IsDir():
			return fmt.Errorf("replace %q: it is no folder, but one in the artifact", place)
		}
		return nil
	})
}

// merge moves all that lies in from into the folder to. Folders of the same name are merged, everything else is replaced.
func merge(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		source, place := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if info, err := os.Lstat(place); err == nil && info.IsDir() && e.IsDir() {
			if err := merge(source, place); err != nil {
				return err
			}
			continue
		}
		if err := os.Rename(source, place); err != nil {
			return fmt.Errorf("replace %q: %w", place, cause(err))
		}
	}
	return nil
}
