package archive

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// gunzip decompresses gzip members one after the other, and counts them.
type gunzip struct {
	in      *bufio.Reader
	member  *gzip.Reader
	members int
	err     error // of the search for a next member
}

func newGunzip(r io.Reader) (*gunzip, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	member, err := gzip.NewReader(in)
	switch {
	case errors.Is(err, gzip.ErrHeader):
		return nil, errors.New("begins like gzip, but has no gzip header")
	case err != nil:
		return nil, truncated(err)
	}
	member.Multistream(false)
	return &gunzip{in: in, member: member, members: 1}, nil
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.member.Read(p)
	if errors.Is(err, io.EOF) {
		g.err = g.nextMember()
		err = g.err
	}
	return n, err
}

// nextMember fails with io.EOF where the input ends.
func (g *gunzip) nextMember() error {
	if _, err := g.in.Peek(1); err != nil {
		return err
	}
	err := g.member.Reset(g.in)
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("data that is not gzip after the compressed data")
	}
	g.member.Multistream(false)
	g.members++
	return err
}

func truncated(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("ends too early")
	}
	return err
}
