package archive

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"time"

	"github.com/klauspost/pgzip"
	"github.com/opencontainers/go-digest"
)

// What shapes the compressed bytes. To change one changes the digest of every artifact.
const (
	gzipLevel = 6
	gzipBlock = 1 << 20 // bytes that are compressed on their own
)

// maxBlocks bounds the memory on machines of many cores: a block in flight takes about 3 MiB. It does not shape the bytes.
const maxBlocks = 16

// Summary says what was written.
type Summary struct {
	Digest  digest.Digest // of the compressed bytes
	DiffID  digest.Digest // of the tar
	Size    int64         // compressed bytes
	Files   int           // regular files
	Skipped []string      // paths left out, slash-separated, in order; a folder ends in "/" and stands for all below it
}

// writer is the writing end of every archive: entries with nothing but their name, kind and contents go through tar, hash,
// gzip and hash again to the destination.
type writer struct {
	tar     *tar.Writer
	diff    *meter
	gzip    *pgzip.Writer
	out     *meter
	limits  Limits
	buffer  []byte
	entries int
	names   int // bytes
	files   int
}

// newWriter begins an archive with the entry of its root. The caller ends it with close, or with abort after an error.
func newWriter(w io.Writer, limits Limits) (*writer, error) {
	out := newMeter(w, limits.Compressed, compressedBytes)
	zip, err := newGzip(out)
	if err != nil {
		return nil, err
	}
	diff := newMeter(zip, limits.Expanded, expandedBytes)
	a := &writer{
		tar: tar.NewWriter(diff), diff: diff, gzip: zip, out: out,
		limits: limits, buffer: make([]byte, 128<<10),
	}
	if err := a.folder(root); err != nil {
		a.abort()
		return nil, err
	}
	return a, nil
}

func newGzip(w io.Writer) (*pgzip.Writer, error) {
	zip, err := pgzip.NewWriterLevel(w, gzipLevel)
	if err != nil {
		return nil, err
	}
	zip.ModTime = time.Unix(0, 0) // "no time" in gzip; unset it is garbage
	return zip, zip.SetConcurrency(gzipBlock, min(runtime.GOMAXPROCS(0), maxBlocks))
}

func (a *writer) folder(name string) error {
	return a.header(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755})
}

// file writes a regular file, which must have exactly size bytes.
func (a *writer) file(name string, executable bool, size int64, r io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size}
	if executable {
		h.Mode = 0o755
	}
	if err := a.header(h); err != nil {
		return err
	}
	a.files++
	switch n, err := io.CopyBuffer(a.tar, r, a.buffer); {
	case errors.Is(err, tar.ErrWriteTooLong) || err == nil && n < size:
		return fmt.Errorf("pack %q: its size changed while it was read", name)
	case err != nil:
		return fmt.Errorf("pack %q: %w", name, err)
	}
	return nil
}

func (a *writer) header(h *tar.Header) error {
	if err := packName(h.Name, a.limits); err != nil {
		return err
	}
	if a.entries++; a.entries > a.limits.Entries {
		return &LimitError{int64(a.limits.Entries), entryCount}
	}
	if a.names += len(h.Name); a.names > maxNames {
		return &LimitError{maxNames, nameBytes}
	}
	if err := a.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("pack %q: %w", h.Name, err)
	}
	return nil
}

func (a *writer) close() (Summary, error) {
	if err := errors.Join(a.tar.Close(), a.gzip.Close()); err != nil {
		a.abort()
		return Summary{}, fmt.Errorf("end archive: %w", err)
	}
	return Summary{Digest: a.out.digest(), DiffID: a.diff.digest(), Size: a.out.n, Files: a.files}, nil
}

// abort waits for the compressor's goroutines to end, which Close leaves behind after a failed write.
func (a *writer) abort() { a.gzip.Reset(io.Discard) }

// meter hashes and counts what passes through it, up to a limit.
type meter struct {
	w     io.Writer
	hash  hash.Hash
	n     int64
	limit *LimitError
}

func newMeter(w io.Writer, limit int64, unit string) *meter {
	return &meter{w: w, hash: sha256.New(), limit: &LimitError{limit, unit}}
}

func (m *meter) Write(p []byte) (int, error) {
	if m.n+int64(len(p)) > m.limit.Limit {
		return 0, m.limit
	}
	n, err := m.w.Write(p)
	m.hash.Write(p[:n])
	m.n += int64(n)
	return n, err
}

func (m *meter) digest() digest.Digest { return digest.NewDigest(digest.SHA256, m.hash) }
