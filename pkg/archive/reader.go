package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// reader walks an archive that nobody vouches for and refuses what no archive of ours may hold. It reads up to the very end
// of its input.
type reader struct {
	tar    *tar.Reader
	gzip   *gunzip
	stream io.Reader // the tar's bytes
	limits Limits
	kinds  map[string]kind // everything seen, and the folders on the way to it
	size   int64           // of all files
	names  int             // bytes of all names
	odd    string          // the first thing that is allowed here but not in every consumer
}

func newReader(ctx context.Context, r io.Reader, limits Limits) (*reader, error) {
	in := newLimitReader(stoppable(ctx, r), limits.Compressed, compressedBytes)
	zip, err := newGunzip(in)
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	stream := newLimitReader(zip, limits.Expanded, expandedBytes)
	return &reader{
		tar: tar.NewReader(stream), gzip: zip, stream: stream,
		limits: limits, kinds: map[string]kind{},
	}, nil
}

// next returns the next entry; its contents are read from r.tar. After the last, and when nothing but zeros follows it, the
// error is io.EOF.
func (r *reader) next() (entry, error) {
	h, err := r.tar.Next()
	for ; err == nil && h.Typeflag == tar.TypeXGlobalHeader; h, err = r.tar.Next() {
		r.note("a global header")
	}
	switch {
	case errors.Is(err, io.EOF):
		return entry{}, r.end()
	case err != nil:
		return entry{}, fmt.Errorf("read archive: %w", truncated(err))
	}
	e, err := r.check(h)
	if err == nil {
		err = r.record(e)
	}
	return e, err
}

// end reads what follows the last entry.
func (r *reader) end() error {
	buffer, zeros := make([]byte, 32<<10), make([]byte, 32<<10)
	for {
		n, err := r.stream.Read(buffer)
		if !bytes.Equal(buffer[:n], zeros[:n]) {
			return errors.New("read archive: data after its end")
		}
		if err == io.EOF {
			if r.gzip.members > 1 {
				r.note("more than one gzip member")
			}
			return io.EOF
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", truncated(err))
		}
	}
}

// stoppable is r until ctx is done.
func stoppable(ctx context.Context, r io.Reader) io.Reader {
	return readFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
