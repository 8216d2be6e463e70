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
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// Layout is an opened layout. It is safe for concurrent use.
type Layout struct {
	path  string // as it was written
	root  *os.Root
	index *ocispec.Index
}

// Is tells whether the folder at path is a layout.
func Is(path string) bool {
	info, err := os.Stat(filepath.Join(path, ocispec.ImageLayoutFile))
	return err == nil && info.Mode().IsRegular()
}

// Open opens the layout at path. The caller closes it.
func Open(path string) (*Layout, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open layout %q: %w", path, cause(err))
	}
	l := &Layout{path: path, root: root}
	if err := l.readIndex(); err != nil {
		root.Close()
		return nil, fmt.Errorf("open layout %q: %w", path, err)
	}
	return l, nil
}

// Close releases the folder.
func (l *Layout) Close() error { return l.root.Close() }

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
	return err
}

// readAll reads a small file.
func (l *Layout) readAll(name string) ([]byte, error) {
	f, err := l.open(name)
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

func (l *Layout) open(name string) (fs.File, error) {
	info, err := l.root.Stat(name) // opening a FIFO would wait
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open %s: it is no regular file", name)
	}
	f, err := l.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, cause(err))
	}
	return f, nil
}

// Resolve gives the descriptor that the index has under a tag; without a tag the only one that it has at all.
func (l *Layout) Resolve(tag string) (ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	for _, d := range l.index.Manifests {
		if tag == "" || isNamed(d, tag) {
			found = append(found, d)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0:
		return ocispec.Descriptor{}, fmt.Errorf("resolve %q in layout %q: %w", tag, l.path, fs.ErrNotExist)
	case tag == "":
		return ocispec.Descriptor{}, fmt.Errorf("layout %q holds %d artifacts: say which, as in %s:TAG", l.path, len(found), l.path)
	}
	return ocispec.Descriptor{}, fmt.Errorf("resolve %q in layout %q: it names %d artifacts", tag, l.path, len(found))
}

// isNamed tells a tag by the annotation that the specification has for it. Some write a whole reference there.
func isNamed(d ocispec.Descriptor, tag string) bool {
	name := d.Annotations[ocispec.AnnotationRefName]
	return name == tag || strings.HasSuffix(name, ":"+tag)
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
	if err := l.copyBlob(ctx, d, begin); err != nil {
		return fmt.Errorf("read blob %q of layout %q: %w", d.Digest, l.path, err)
	}
	return nil
}

func (l *Layout) copyBlob(ctx context.Context, d ocispec.Descriptor, begin func() io.Writer) error {
	f, err := l.open(blobName(d.Digest))
	if err != nil {
		return err
	}
	defer f.Close()
	verifier, limited := d.Digest.Verifier(), io.LimitReader(f, d.Size+1)
	n, err := io.Copy(io.MultiWriter(begin(), verifier), readFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return limited.Read(p)
	}))
	switch {
	case err != nil:
		return cause(err)
	case n != d.Size:
		return errSize
	case !verifier.Verified():
		return errDigest
	}
	return nil
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// blobName is the blob's place, of a digest that was validated: those of descriptors that came from here or from package artifact are.
func blobName(d digest.Digest) string {
	return path.Join(ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

// cause is an error without the paths in it, for messages that name the path already.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
