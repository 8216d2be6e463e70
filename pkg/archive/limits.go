package archive

import (
	"cmp"
	"fmt"
	"io"
)

// Limits bound what an archive may hold. A zero field means the default.
type Limits struct {
	Compressed int64 // bytes of the compressed archive; 512 MiB
	Expanded   int64 // bytes of the tar, and of all files together; 2 GiB
	Entries    int   // files, links and folders, those only implied by a path counted too; 100,000
	Path       int   // bytes of one path; 1,024
}

// maxNames bounds the bytes of all names together, which stay in memory while an archive is read. With 100,000 entries it allows
// names of 167 bytes.
const maxNames = 16 << 20

// DefaultLimits are what zero fields of Limits stand for.
func DefaultLimits() Limits {
	return Limits{Compressed: 512 << 20, Expanded: 2 << 30, Entries: 100_000, Path: 1024}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	return Limits{
		Compressed: cmp.Or(l.Compressed, d.Compressed),
		Expanded:   cmp.Or(l.Expanded, d.Expanded),
		Entries:    cmp.Or(l.Entries, d.Entries),
		Path:       cmp.Or(l.Path, d.Path),
	}
}

// LimitError says that an archive is larger than allowed.
type LimitError struct {
	Limit int64
	Unit  string // what was counted, in the plural: "entries", "expanded bytes"
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("more than %d %s", e.Limit, e.Unit)
}

// The units of a LimitError.
const (
	compressedBytes = "compressed bytes"
	expandedBytes   = "expanded bytes"
	entryCount      = "entries"
	pathBytes       = "bytes in a path"
	nameBytes       = "bytes of names"
)

// limitReader fails with a LimitError where io.LimitReader would pretend that the input has ended.
type limitReader struct {
	r   io.Reader
	n   int64
	err *LimitError
}

func newLimitReader(r io.Reader, limit int64, unit string) *limitReader {
	return &limitReader{r: r, n: limit, err: &LimitError{limit, unit}}
}

func (l *limitReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.n -= int64(n); l.n < 0 {
		return 0, l.err
	}
	return n, err
}
