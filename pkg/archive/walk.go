package archive

import (
	"context"
	"errors"
	"io"
)

// File is what an archive holds under a name that is no folder.
type File struct {
	Name       string // as in "deploy/app.yaml": clean, relative
	Size       int64  // bytes; 0 for links
	Executable bool   // by its owner
	Target     string // of a link, as written; empty for files
	Hard       bool   // a hard link: Target is the name of an earlier file
}

// Walk reads an archive to its end and shows each file and link, in the archive's order. contents end with the file, may be left unread,
// and are of no use after visit returns, whose error ends the walk. A later error means that what was shown is not to be used: the archive
// is damaged, or holds what no archive may.
func Walk(ctx context.Context, r io.Reader, limits Limits, visit func(f File, contents io.Reader) error) error {
	in, err := newReader(ctx, r, limits.orDefault())
	if err != nil {
		return err
	}
	for {
		e, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case e.kind == folder:
			continue
		}
		contents := readFunc(func(p []byte) (int, error) {
			n, err := in.tar.Read(p)
			if err != nil && !errors.Is(err, io.EOF) {
				err = truncated(err)
			}
			return n, err
		})
		if err := visit(File{e.name, e.size, e.executable, e.target, e.kind == hardlink}, contents); err != nil {
			return err
		}
	}
}
