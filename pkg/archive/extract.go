package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Extract unpacks the archive in r into dir, an existing folder without any of the archive's names in it. Files become 0644 or
// 0755 by the owner's execute bit, less the umask; owners and times are not restored. Symbolic links are created when they
// cannot lead out of the tree, hard links when they name an earlier file. Nothing outside dir is touched, whatever the archive
// holds, and no file or link in it is overwritten or written through. After an error dir holds a part of the tree: unpack
// into a folder that can be thrown away.
func Extract(ctx context.Context, r io.Reader, dir string, limits Limits) error {
	in, err := newReader(ctx, r, limits.orDefault())
	if err != nil {
		return err
	}
	dst, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open folder %q: %w", dir, cause(err))
	}
	defer dst.Close()
	near, err := dst.OpenRoot(root)
	if err != nil {
		return fmt.Errorf("open folder %q: %w", dir, cause(err))
	}
	x := &extractor{in: in, dst: dst, near: near, nearAt: root, buffer: make([]byte, 128<<10)}
	defer x.close()
	for {
		e, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = x.entry(e)
		}
		if err != nil {
			return err
		}
	}
}

type extractor struct {
	in     *reader
	dst    *os.Root
	near   *os.Root // the folder made last, which spares a walk down from dst for each file
	nearAt string
	buffer []byte
}

func (x *extractor) close() { x.near.Close() }

func (x *extractor) entry(e entry) error {
	if err := x.create(e); err != nil {
		return fmt.Errorf("unpack %q: %w", e.name, cause(err))
	}
	return nil
}

func (x *extractor) create(e entry) error {
	if e.kind == folder {
		return x.enter(e.name)
	}
	if err := x.enter(path.Dir(e.name)); err != nil {
		return err
	}
	name, err := filepath.Localize(path.Base(e.name))
	if err != nil {
		return fmt.Errorf("no name for a file on this system: %w", err)
	}
	switch e.kind {
	case symlink:
		return x.near.Symlink(filepath.FromSlash(e.target), name)
	case hardlink:
		return x.dst.Link(filepath.FromSlash(e.target), filepath.FromSlash(e.name))
	default:
		return x.file(name, e)
	}
}

// enter makes a folder unless it is there, and makes it the near one.
func (x *extractor) enter(dir string) error {
	if dir == x.nearAt {
		return nil
	}
	name, err := filepath.Localize(dir)
	if err != nil {
		return fmt.Errorf("no name for a folder on this system: %w", err)
	}
	if err := x.dst.MkdirAll(name, 0o755); err != nil {
		return err
	}
	near, err := x.dst.OpenRoot(name)
	if err != nil {
		return err
	}
	x.near.Close()
	x.near, x.nearAt = near, dir
	return nil
}

func (x *extractor) file(name string, e entry) error {
	mode := fs.FileMode(0o644)
	if e.executable {
		mode = 0o755
	}
	f, err := x.near.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{f}, x.in.tar, x.buffer); err != nil {
		f.Close()
		return truncated(err)
	}
	return f.Close()
}
