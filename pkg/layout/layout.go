package layout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// Layout is an opened layout. It is safe for concurrent use.
type Layout struct {
	path  string // as it was written
	files files

	mu       sync.Mutex
	index    *ocispec.Index
	subjects map[digest.Digest][]ocispec.Descriptor // what refers to them; nil: not searched since the index changed
}

// Is tells whether there is a layout at path: a folder, or a tar archive of one.
func Is(path string) bool {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() {
		return isTar(path)
	}
	info, err = os.Stat(filepath.Join(path, ocispec.ImageLayoutFile))
	return err == nil && info.Mode().IsRegular()
}

// Open opens the layout at path, to read it. The caller closes it.
func Open(path string) (*Layout, error) {
	l, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("open layout %q: %w", path, err)
	}
	return l, nil
}

func open(path string) (*Layout, error) {
	l := &Layout{path: path}
	info, err := os.Stat(path)
	if err != nil {
		return nil, cause(err)
	}
	if info.Mode().IsRegular() {
		l.files, err = openTar(path)
	} else {
		l.files, err = openFolder(path)
	}
	if err != nil {
		return nil, err
	}
	if err := l.readIndex(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func openFolder(path string) (files, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, cause(err)
	}
	return folder{root}, nil
}

// Close releases the folder or the file.
func (l *Layout) Close() error { return l.files.Close() }

// readIndex must not run beside another use of the index.
func (l *Layout) readIndex() error {
	raw, err := l.readAll(ocispec.ImageLayoutFile)
	if err != nil {
		return err
	}
	var version ocispec.ImageLayout
	if err := json.Unmarshal(raw, &version); err != nil {
		return fmt.Errorf("parse %s: %w", ocispec.ImageLayoutFile, err)
	}
	if version.Version != ocispec.ImageLayoutVersion {
		return fmt.Errorf("version %.64q is not %s", version.Version, ocispec.ImageLayoutVersion)
	}
	if raw, err = l.readAll(ocispec.ImageIndexFile); err != nil {
		return err
	}
	l.index, err = artifact.ParseIndex(raw)
	l.subjects = nil
	return err
}

// readAll reads a small file.
func (l *Layout) readAll(name string) ([]byte, error) {
	f, _, err := l.files.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, artifact.MaxManifest+1))
	if err == nil && len(raw) > artifact.MaxManifest {
		err = fmt.Errorf("more than %d bytes", artifact.MaxManifest)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, cause(err))
	}
	return raw, nil
}

// Manifest reads the manifest or index that d describes; mediaType is d's. The bytes have d's digest; without a size in d, any.
func (l *Layout) Manifest(_ context.Context, d ocispec.Descriptor) (raw []byte, mediaType string, err error) {
	raw, err = l.readAll(blobName(d.Digest))
	switch {
	case err != nil:
	case d.Digest.Algorithm().FromBytes(raw) != d.Digest:
		err = errDigest
	case d.Size > 0 && int64(len(raw)) != d.Size:
		err = errSize
	}
	if err != nil {
		return nil, "", fmt.Errorf("read manifest %q of layout %q: %w", d.Digest, l.path, err)
	}
	return raw, d.MediaType, nil
}

var (
	errDigest = errors.New("its bytes have another digest")
	errSize   = errors.New("its size is not what its descriptor says")
)

// CopyBlob writes the blob that d describes to what begin gives, which is called once. The bytes are d's only when there is no error.
func (l *Layout) CopyBlob(ctx context.Context, d ocispec.Descriptor, begin func() io.Writer) error {
	blob, err := l.Blob(ctx, d)
	if err != nil {
		return err
	}
	defer blob.Close()
	_, err = io.Copy(begin(), blob)
	return err
}

// Blob opens the blob that d describes. The reader fails before EOF unless size and digest are d's, and when ctx ends. The caller closes it.
func (l *Layout) Blob(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	f, size, err := l.files.open(blobName(d.Digest))
	if err == nil && size != d.Size {
		f.Close()
		err = errSize
	}
	if err != nil {
		return nil, l.explainBlob(d, err)
	}
	verifier := d.Digest.Verifier()
	limited := io.TeeReader(io.LimitReader(interruptible(ctx, f), size), verifier)
	return struct {
		io.Reader
		io.Closer
	}{readFunc(func(p []byte) (int, error) {
		n, err := limited.Read(p)
		switch {
		case errors.Is(err, io.EOF) && !verifier.Verified():
			err = l.explainBlob(d, errDigest)
		case err != nil && !errors.Is(err, io.EOF):
			err = l.explainBlob(d, cause(err))
		}
		return n, err
	}), f}, nil
}

func (l *Layout) explainBlob(d ocispec.Descriptor, err error) error {
	return fmt.Errorf("read blob %q of layout %q: %w", d.Digest, l.path, err)
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// interruptible ends a long read when somebody interrupts.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	return readFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return r.Read(p)
	})
}

// blobName is the blob's place, of a digest that was validated: those of descriptors that came from here or from package artifact are.
func blobName(d digest.Digest) string {
	return path.Join(ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

func isBlobName(name string) bool { return regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(name) }

// cause is an error without the paths in it, for messages that name the path already.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
