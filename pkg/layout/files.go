package layout

import (
	"fmt"
	"io"
	"os"
)

// files are the parts of a layout by their names in it, with '/' between them.
type files interface {
	// open gives a part and its size in bytes. The caller closes it.
	open(name string) (io.ReadCloser, int64, error)
	io.Closer
}

// folder holds the parts as files.
type folder struct{ *os.Root }

func (f folder) open(name string) (io.ReadCloser, int64, error) {
	info, err := f.Stat(name) // opening a FIFO would wait
	if err != nil {
		return nil, 0, fmt.Errorf("open %s: %w", name, cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("open %s: it is no regular file", name)
	}
	file, err := f.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("open %s: %w", name, cause(err))
	}
	return file, info.Size(), nil
}
