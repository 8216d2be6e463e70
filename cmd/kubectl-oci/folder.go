package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
)

// target is a folder that an artifact is unpacked into: beside it first, then moved into its place, so that nobody meets it
// half written.
type target struct {
	path    string
	exists  bool
	partial string // holds the tree until it is whole, on the same file system
}

// prepare refuses what could not be finished, before anything is fetched.
func prepare(path string, merge bool) (*target, error) {
	path = filepath.Clean(path)
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newTarget(path, false)
	case err != nil:
		return nil, fmt.Errorf("unpack into %q: %w", path, err)
	case len(entries) > 0 && !merge:
		return nil, usageError{fmt.Errorf("unpack into %q: it holds files already: name another folder with --to, or allow it with --merge", path)}
	}
	return newTarget(path, true)
}

func newTarget(path string, exists bool) (*target, error) {
	parent := path
	if !exists {
		parent = filepath.Dir(path)
		if err := os.MkdirAll(parent, 0o777); err != nil {
			return nil, err
		}
	}
	partial, err := os.MkdirTemp(parent, ".kubectl-oci-*")
	if err != nil {
		return nil, fmt.Errorf("unpack into %q: %w", path, err)
	}
	return &target{path: path, exists: exists, partial: partial}, nil
}

// abort removes what is not in its place. After success there is nothing left to remove.
func (t *target) abort() { _ = os.RemoveAll(t.partial) }

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
	if t.exists {
		return merge(tree, t.path)
	}
	return os.Rename(tree, t.path)
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
			return fmt.Errorf("replace %q: %w", place, err)
		}
	}
	return nil
}
