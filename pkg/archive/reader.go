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
// of its input, and tells by the bytes how that is compressed, whatever anybody calls it.
type reader struct {
	tar    *tar.Reader
	stream io.Reader // the tar's bytes
	form   form
	gzip   *gunzip // nil unless form is gzipped
	limits Limits
	kinds  map[string]kind // everything seen, and the folders on the way to it
	size   int64           // of all files
	names  int             // bytes of all names
	odd    string          // the first thing that is allowed here but not in every consumer
}

func newReader(ctx context.Context, r io.Reader, limits Limits) (*reader, error) {
	in := &reader{limits: limits, kinds: map[string]kind{}}
	plain, err := in.decompress(newLimitReader(stoppable(ctx, r), limits.Compressed, compressedBytes))
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	in.stream = newLimitReader(plain, limits.Expanded, expandedBytes)
	in.tar = tar.NewReader(in.stream)
	return in, nil
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
		return entry{}, r.explain(err)
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
			r.noteForm()
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
