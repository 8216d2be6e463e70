package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// form is how the tar in an archive is compressed.
type form uint8

const (
	uncompressed form = iota
	gzipped
	zstandard
)

// formOf tells the form by the first bytes, of which there should be four.
func formOf(head []byte) form {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzipped
	case len(head) < 4:
		return uncompressed
	}
	// RFC 8878: a frame, or one that is to be skipped.
	if magic := binary.LittleEndian.Uint32(head); magic == 0xfd2fb528 || magic&^0xf == 0x184d2a50 {
		return zstandard
	}
	return uncompressed
}

// IsText reports whether r begins like a text and not like an archive: with a tar's header come NUL bytes. Nothing at all is no
// text. Up to 512 bytes are read.
func IsText(r io.Reader) (bool, error) {
	head := make([]byte, 512)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	head = head[:n]
	return n > 0 && formOf(head) == uncompressed && !bytes.Contains(head, []byte{0}), nil
}

// decompress gives the tar in the archive that in holds.
func (r *reader) decompress(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(in, 64<<10)
	head, err := buffered.Peek(4)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case len(head) == 0:
		return nil, errors.New("no data")
	}
	switch r.form = formOf(head); r.form {
	case gzipped:
		r.gzip, err = newGunzip(buffered)
		return r.gzip, err
	case zstandard:
		return newUnzstd(buffered)
	default:
		return buffered, nil
	}
}

// explain says what is wrong with a header. Where the first one is wrong already, it is no damaged archive but none.
func (r *reader) explain(err error) error {
	first, wrong := len(r.kinds) == 0, errors.Is(err, tar.ErrHeader)
	switch {
	case first && r.form == uncompressed && (wrong || errors.Is(err, io.ErrUnexpectedEOF)):
		return errors.New("read archive: it is none: neither gzip nor zstd nor tar")
	case first && wrong:
		return errors.New("read archive: what is compressed in it is no tar")
	}
	return fmt.Errorf("read archive: %w", truncated(err))
}

// noteForm notes what keeps consumers from decompressing an archive that was read to its end.
func (r *reader) noteForm() {
	switch {
	case r.form == zstandard:
		r.note("compressed with zstd")
	case r.form == uncompressed:
		r.note("not compressed")
	case r.gzip.members > 1:
		r.note("more than one gzip member")
	}
}

// maxWindow is how far back, in bytes, zstd may refer, all of which stays in memory. RFC 8878 asks every decoder for as much, and
// encoders for no more; zstd itself goes beyond it only with --ultra or --long.
const maxWindow = 8 << 20

func newUnzstd(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
	if err != nil {
		return nil, explainZstd(err)
	}
	return readFunc(func(p []byte) (int, error) {
		n, err := d.Read(p)
		return n, explainZstd(err)
	}), nil
}

// explainZstd says what is meant where the library is terse.
func explainZstd(err error) error {
	switch {
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return &LimitError{maxWindow, "bytes in zstd's window"}
	case errors.Is(err, zstd.ErrUnknownDictionary):
		return errors.New("compressed by a zstd dictionary that did not come along")
	case errors.Is(err, zstd.ErrMagicMismatch):
		return errors.New("data that is not zstd after the compressed data")
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("zstd: %w", err)
	}
	return err
}
