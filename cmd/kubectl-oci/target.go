package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/layout"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/transfer"
)

// copyTarget is where artifacts go to, as somebody typed it: a repository, a folder that is a layout or becomes one, or a tar archive of one.
type copyTarget struct {
	ref  registry.Reference // zero where it is a layout; without a tag
	path string
	tag  string // empty: those of the source
}

// parseTarget reads [oci://]HOST/REPOSITORY[:TAG] or PATH[:TAG]; it is a reference where it reads as one.
func parseTarget(text string) (copyTarget, error) {
	if isReference(text) {
		ref, err := registry.Parse(text)
		if err == nil && ref.Digest != "" {
			err = fmt.Errorf("%q: a copy keeps its digest: leave it away here", text)
		}
		if err != nil {
			return copyTarget{}, usageError{err}
		}
		tag := ref.Tag
		ref.Tag = ""
		return copyTarget{ref: ref, tag: tag}, nil
	}
	if strings.Contains(text, "://") {
		_, err := registry.Parse(text)
		return copyTarget{}, usageError{err}
	}
	t := copyTarget{path: text}
	if i := strings.LastIndexByte(text, ':'); i > 1 && registry.ValidateTag(text[i+1:]) == nil {
		t = copyTarget{path: text[:i], tag: text[i+1:]}
	}
	if t.path == "" || t.path == "-" {
		return copyTarget{}, usageError{errors.New("where to? Name a repository, a folder or a file that ends in .tar")}
	}
	return t, nil
}

func (t copyTarget) isTar() bool { return strings.HasSuffix(t.path, ".tar") }

// name is how people know what is in the target.
func (t copyTarget) name() string {
	if t.path != "" {
		return t.path
	}
	return t.ref.Name()
}

// destination is an opened target.
type destination interface {
	transfer.Destination
	ending
}

// ending is how a copy comes to its end, one way or the other.
type ending interface {
	// finish is called once everything is copied.
	finish(ctx context.Context) error
	// Close gives up what was not finished.
	io.Closer
}

// repositoryTarget is a repository, in which everything is at its place at once.
type repositoryTarget struct{ *registry.Repository }

func (repositoryTarget) finish(context.Context) error { return nil }
func (repositoryTarget) Close() error                 { return nil }

// openFolder opens the layout, which holds what was copied at once, and is gone on with where that was broken off.
func (t copyTarget) openLayout(ctx context.Context) (destination, error) {
	if t.isTar() {
		return t.openTar(ctx)
	}
	l, err := layout.Create(t.path)
	if err != nil {
		return nil, err
	}
	return folderTarget{l}, nil
}

type folderTarget struct{ *layout.Layout }

func (folderTarget) finish(context.Context) error { return nil }

// tarTarget is a folder beside the archive until that is written. An archive that is there stays until then.
type tarTarget struct {
	*layout.Layout
	path, folder string
}

func (t copyTarget) openTar(ctx context.Context) (destination, error) {
	folder, err := os.MkdirTemp(filepath.Dir(t.path), ".kubectl-oci-*")
	if err != nil {
		return nil, fmt.Errorf("write %q: %w", t.path, cause(err))
	}
	l, err := layout.Create(folder)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	made := &tarTarget{l, t.path, folder}
	if err := made.takeOver(ctx); err != nil {
		return nil, errors.Join(err, made.Close())
	}
	return made, nil
}

// takeOver begins with what the archive holds already.
func (t *tarTarget) takeOver(ctx context.Context) error {
	if _, err := os.Lstat(t.path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	old, err := layout.Open(t.path)
	if err != nil {
		return err
	}
	defer old.Close()
	all, err := old.Artifacts()
	if err != nil {
		return err
	}
	copier := transfer.New(old, t.Layout, transfer.Options{})
	for _, d := range all {
		if err := copyInto(ctx, copier, t.Layout, d, tagsOf(d)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tarTarget) finish(ctx context.Context) error {
	file, err := os.CreateTemp(filepath.Dir(t.path), ".kubectl-oci-*.tar")
	if err != nil {
		return fmt.Errorf("write %q: %w", t.path, cause(err))
	}
	defer os.Remove(file.Name()) // nothing once it has its place
	err = t.WriteTar(ctx, file)
	if err == nil {
		err = errors.Join(file.Chmod(0o644), file.Sync())
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), t.path)
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", t.path, cause(err))
	}
	return nil
}

func (t *tarTarget) Close() error { return errors.Join(t.Layout.Close(), os.RemoveAll(t.folder)) }
