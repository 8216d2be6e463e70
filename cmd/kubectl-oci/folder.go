package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	case len(entries) > 0 && !merge:
		return nil, usageError{fmt.Errorf("unpack into %q: it holds files already: name another folder with --to, or allow it with --merge", path)}
	}
	t := &target{path: path, exists: !missing}
	if err := t.begin(); err != nil {
		t.abort()
		return nil, fmt.Errorf("unpack into %q: %w", path, cause(err))
	}
	return t, nil
}

func (t *target) begin() (err error) {
	beside := t.path
	if !t.exists {
		beside = filepath.Dir(t.path)
		for dir := beside; absent(dir); dir = filepath.Dir(dir) {
			t.made = append(t.made, dir)
		}
		if err := os.MkdirAll(beside, 0o777); err != nil {
			return err
		}
	}
	t.partial, err = os.MkdirTemp(beside, partialPattern)
	return err
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
