package layout

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	maxTarFiles = 100_000
	maxTarName  = 1_024 // bytes
)

// tarFile holds the parts in a tar archive, which is searched once.
type tarFile struct {
	*os.File
	parts map[string]part
}

type part struct{ offset, size int64 }

func openTar(name string) (files, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	t := &tarFile{file, map[string]part{}}
	if err := t.search(func(string) bool { return true }); err != nil {
		file.Close()
		return nil, err
	}
	return t, nil
}

// isTar tells whether the file holds a layout, by the first of its parts that names one.
func isTar(name string) bool {
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	t := &tarFile{file, map[string]part{}}
	_ = t.search(func(name string) bool { return name != ocispec.ImageLayoutFile })
	_, ok := t.parts[ocispec.ImageLayoutFile]
	return ok
}

// search notes where the parts are, for as long as more says so. Only their headers are read.
func (t *tarFile) search(more func(name string) bool) error {
	r := tar.NewReader(t.File)
	for range maxTarFiles {
		header, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read tar: %w", err)
		case header.Typeflag != tar.TypeReg:
			continue
		}
		if len(header.Name) > maxTarName {
			return fmt.Errorf("read tar: a name of more than %d bytes", maxTarName)
		}
		name := path.Clean(header.Name)
		if _, twice := t.parts[name]; twice {
			return fmt.Errorf("read tar: %.100q is in it twice", name)
		}
		offset, err := t.Seek(0, io.SeekCurrent)
		if err != nil {
			return fmt.Errorf("read tar: %w", cause(err))
		}
		t.parts[name] = part{offset, header.Size}
		if !more(name) {
			return nil
		}
	}
	return fmt.Errorf("read tar: more than %d files", maxTarFiles)
}

func (t *tarFile) open(name string) (io.ReadCloser, int64, error) {
	p, ok := t.parts[name]
	if !ok {
		return nil, 0, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}
	return io.NopCloser(io.NewSectionReader(t.File, p.offset, p.size)), p.size, nil
}

// WriteTar writes the layout, which is a folder, as a tar archive: what tells what it is first, then the index, then the blobs that it
// leads to by their digests, with nothing in it of times, owners or modes.
func (l *Layout) WriteTar(ctx context.Context, w io.Writer) error {
	if err := l.writeTar(ctx, w); err != nil {
		return fmt.Errorf("write layout %q as tar: %w", l.path, err)
	}
	return nil
}

func (l *Layout) writeTar(ctx context.Context, w io.Writer) error {
	blobs, err := l.blobs()
	if err != nil {
		return err
	}
	reached, err := l.reached(ctx)
	if err != nil {
		return err
	}
	blobs = slices.DeleteFunc(blobs, func(name string) bool { return !reached[name] })
	archive := tar.NewWriter(w)
	for _, name := range append([]string{ocispec.ImageLayoutFile, ocispec.ImageIndexFile}, blobs...) {
		if err := l.addTo(ctx, archive, name); err != nil {
			return err
		}
	}
	return archive.Close()
}

func (l *Layout) addTo(ctx context.Context, archive *tar.Writer, name string) error {
	content, size, err := l.files.open(name)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}); err != nil {
		return err
	}
	_, err = io.Copy(archive, interruptible(ctx, content))
	return err
}

// blobs are the names of the blobs, sorted. Other files are not the layout's.
func (l *Layout) blobs() ([]string, error) {
	root, ok := l.files.(folder)
	if !ok {
		return nil, errors.New("it is one already")
	}
	dir := path.Join(ocispec.ImageBlobsDir, "sha256")
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, cause(err)
	}
	var names []string
	for _, e := range entries {
		if isBlobName(e.Name()) {
			names = append(names, path.Join(dir, e.Name()))
		}
	}
	return names, nil
}
