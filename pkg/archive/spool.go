package archive

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// Spool keeps what is written to it: in memory up to a bound, all of it in a temporary file beyond. Where the system allows,
// the file has no name, so that nothing is left behind however the program ends.
//
// Write first, then Open as often as needed, also from several goroutines, then Close.
type Spool struct {
	bound  int64
	memory bytes.Buffer
	file   *os.File
	remove bool // the file still has its name
	size   int64
	closed bool
}

// NewSpool returns an empty spool that keeps up to memory bytes in memory.
func NewSpool(memory int64) *Spool { return &Spool{bound: memory} }

// Size is the number of bytes written.
func (s *Spool) Size() int64 { return s.size }

// Write appends p.
func (s *Spool) Write(p []byte) (int, error) {
	if s.closed {
		return 0, os.ErrClosed
	}
	if s.file == nil && s.size+int64(len(p)) > s.bound {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	n, err := s.end().Write(p)
	s.size += int64(n)
	return n, err
}

func (s *Spool) end() io.Writer {
	if s.file != nil {
		return s.file
	}
	return &s.memory
}

// spill moves what is in memory to a temporary file.
func (s *Spool) spill() error {
	f, err := os.CreateTemp("", "kubectl-oci-*")
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.file, s.remove = f, os.Remove(f.Name()) != nil // Windows removes no open file
	if _, err := s.memory.WriteTo(f); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.memory = bytes.Buffer{}
	return nil
}

// Open returns a reader of all bytes from the start, independent of every other. Closing the spool ends it.
func (s *Spool) Open() (io.ReadCloser, error) {
	if s.closed {
		return nil, os.ErrClosed
	}
	if s.file == nil {
		return io.NopCloser(bytes.NewReader(s.memory.Bytes())), nil
	}
	return io.NopCloser(io.NewSectionReader(s.file, 0, s.size)), nil
}

// Close frees memory and file. A second call does nothing.
func (s *Spool) Close() error {
	if s.closed {
		return nil
	}
	s.closed, s.memory = true, bytes.Buffer{}
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.remove {
		os.Remove(s.file.Name())
	}
	return err
}
