package layout

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// partial begins the names of files that are being written, in the layout's own folder.
const partial = ".partial-"

// What somebody began to write and who was killed left behind is taken away after this time.
const keepPartial = 24 * time.Hour

// ErrForeign is what [Create] says of a folder with files of which none is a layout's.
var ErrForeign = errors.New("the folder holds something else than a layout")

// Create opens the folder at path to write to it. One that is missing or empty becomes a layout that holds nothing; any other must be one.
// The caller closes it.
func Create(path string) (*Layout, error) {
	if err := create(path); err != nil {
		return nil, fmt.Errorf("create layout %q: %w", path, err)
	}
	return Open(path)
}

func create(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return errors.New("it is no folder")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cause(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return cause(err)
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return cause(err)
	}
	if !isOurs(entries) {
		return ErrForeign
	}
	sweep(root, entries)
	if err := root.MkdirAll(path.Join(ocispec.ImageBlobsDir, "sha256"), 0o755); err != nil {
		return cause(err)
	}
	if err := writeNew(root, ocispec.ImageIndexFile, []byte(`{"schemaVersion":2,"mediaType":"`+artifact.IndexOCI+`","manifests":[]}`)); err != nil {
		return err
	}
	return writeNew(root, ocispec.ImageLayoutFile, []byte(`{"imageLayoutVersion":"`+ocispec.ImageLayoutVersion+`"}`))
}

// isOurs tells whether a folder is a layout, or what create has made of one so far.
func isOurs(entries []fs.DirEntry) bool {
	made := func(e fs.DirEntry) bool {
		return e.Name() == ocispec.ImageBlobsDir || e.Name() == ocispec.ImageIndexFile || strings.HasPrefix(e.Name(), partial)
	}
	isLayout := func(e fs.DirEntry) bool { return e.Name() == ocispec.ImageLayoutFile }
	return slices.ContainsFunc(entries, isLayout) || !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !made(e) })
}

// sweep takes away what is left of writers that are gone.
func sweep(root *os.Root, entries []fs.DirEntry) {
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), partial) {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > keepPartial {
			_ = root.Remove(e.Name())
		}
	}
}

// writeNew leaves a file alone that is there.
func writeNew(root *os.Root, name string, content []byte) error {
	if _, err := root.Lstat(name); err == nil {
		return nil
	}
	return place(root, name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// place puts what write writes under name once it is on the disk; a file that is there is replaced, also while others read it.
func place(root *os.Root, name string, write func(io.Writer) error) error {
	temporary := partial + rand.Text()
	file, err := root.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return cause(err)
	}
	err = write(file)
	if err == nil {
		err = cause(file.Sync())
	}
	if closeErr := file.Close(); err == nil {
		err = cause(closeErr)
	}
	if err == nil {
		err = cause(root.Rename(temporary, name))
	}
	if err != nil {
		_ = root.Remove(temporary)
		return err
	}
	syncFolder(root, path.Dir(name))
	return nil
}

// syncFolder makes a rename survive a crash, where the system can do that for folders.
func syncFolder(root *os.Root, name string) {
	if dir, err := root.Open(name); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
}

// Exists tells whether the layout has this manifest and, where it is an image manifest, the blobs that it names, undamaged. The index may
// not have it yet.
func (l *Layout) Exists(ctx context.Context, d digest.Digest) (bool, error) {
	raw, _, err := l.Manifest(ctx, ocispec.Descriptor{Digest: d})
	if err != nil {
		return false, nil //nolint:nilerr // it is to be written then
	}
	m, err := artifact.ParseManifest(raw)
	if err != nil {
		return true, nil //nolint:nilerr // an index
	}
	for _, blob := range append(m.Layers, m.Config) {
		if ok, err := l.holds(ctx, blob); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// holds reads the blob: what a crash or somebody else damaged is written anew.
func (l *Layout) holds(ctx context.Context, d ocispec.Descriptor) (bool, error) {
	err := l.CopyBlob(ctx, d, func() io.Writer { return io.Discard })
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return err == nil, nil
}

// PushBlob writes the blob that d describes, unless it is there. open is called once at most. Bytes of another size or digest are an
// error, and nothing of them is kept.
func (l *Layout) PushBlob(ctx context.Context, d ocispec.Descriptor, open func() (io.ReadCloser, error)) error {
	ok, err := l.holds(ctx, d)
	if err == nil && !ok {
		err = l.putBlob(ctx, d, open)
	}
	if err != nil {
		return fmt.Errorf("write blob %q of layout %q: %w", d.Digest, l.path, err)
	}
	return nil
}

var errReadOnly = errors.New("a tar archive is not written to")

func (l *Layout) putBlob(ctx context.Context, d ocispec.Descriptor, open func() (io.ReadCloser, error)) error {
	root, ok := l.files.(folder)
	if !ok {
		return errReadOnly
	}
	if err := d.Digest.Validate(); err != nil || d.Digest.Algorithm() != digest.SHA256 {
		return errors.New("it has no sha256 digest")
	}
	content, err := open()
	if err != nil {
		return err
	}
	defer content.Close()
	return place(root.Root, blobName(d.Digest), func(w io.Writer) error {
		verifier := d.Digest.Verifier()
		n, err := io.Copy(io.MultiWriter(w, verifier), io.LimitReader(interruptible(ctx, content), d.Size+1))
		switch {
		case err != nil:
			return cause(err)
		case n != d.Size:
			return errSize
		case !verifier.Verified():
			return errDigest
		}
		return nil
	})
}

// Names tells whether the index has d, and nothing else, under tag.
func (l *Layout) Names(_ context.Context, tag string, d digest.Digest) (bool, error) {
	there, err := l.Resolve(tag)
	return err == nil && there.Digest == d && there.Annotations[ocispec.AnnotationRefName] == tag, nil
}

// PushManifest writes a manifest, whose blobs the layout must have, and makes tag name it. Without a tag the index does not get to know it.
func (l *Layout) PushManifest(ctx context.Context, tag string, d ocispec.Descriptor, raw []byte) error {
	if err := l.putManifest(ctx, d, raw); err != nil || tag == "" {
		return err
	}
	return l.amend(func(all []ocispec.Descriptor) []ocispec.Descriptor {
		all = slices.DeleteFunc(all, func(known ocispec.Descriptor) bool {
			return isNamed(known, tag) || known.Digest == d.Digest && Tag(known) == ""
		})
		return append(all, entry(d, raw, tag))
	})
}

// Amend replaces the manifest that tag names by what change makes of it: change gets the manifest that is there now, nil when there is
// none, and gives none when nothing is left to do.
func (l *Layout) Amend(ctx context.Context, tag string, change func(raw []byte) (ocispec.Descriptor, []byte, error)) error {
	var raw []byte
	there, err := l.Resolve(tag)
	if err == nil {
		raw, _, err = l.Manifest(ctx, there)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d, amended, err := change(raw)
	if err != nil || amended == nil {
		return err
	}
	return l.PushManifest(ctx, tag, d, amended)
}

// PushReferrer writes a manifest that has a subject, and lists it in the index so that [Layout.Attached] of the subject finds it.
func (l *Layout) PushReferrer(ctx context.Context, d ocispec.Descriptor, raw []byte) error {
	if err := l.putManifest(ctx, d, raw); err != nil {
		return err
	}
	return l.Keep(d, raw)
}

// Keep lists in the index what nothing else there leads to: an artifact without a tag, or a referrer.
func (l *Layout) Keep(d ocispec.Descriptor, raw []byte) error {
	return l.amend(func(all []ocispec.Descriptor) []ocispec.Descriptor {
		if slices.ContainsFunc(all, func(known ocispec.Descriptor) bool { return known.Digest == d.Digest }) {
			return nil
		}
		return append(all, entry(d, raw, ""))
	})
}

func (l *Layout) putManifest(ctx context.Context, d ocispec.Descriptor, raw []byte) error {
	d.Size = int64(len(raw))
	return l.PushBlob(ctx, d, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil })
}

// entry is how the index has a manifest. Nothing of d's own annotations goes in: they are others' words.
func entry(d ocispec.Descriptor, raw []byte, tag string) ocispec.Descriptor {
	e := ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: int64(len(raw))}
	if listed, subject, err := artifact.ParseReferrer(raw); err == nil && subject != nil {
		e.ArtifactType = listed.ArtifactType
	}
	if tag != "" {
		e.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
	}
	return e
}

// amend replaces the list in the index by what change makes of the one that is there now; nil leaves it. Writers take turns, by a lock on
// the file that says what the folder is, which is never replaced.
func (l *Layout) amend(change func([]ocispec.Descriptor) []ocispec.Descriptor) error {
	root, ok := l.files.(folder)
	if !ok {
		return fmt.Errorf("write index of layout %q: %w", l.path, errReadOnly)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	lock, err := lockedfile.OpenFile(filepath.Join(l.path, ocispec.ImageLayoutFile), os.O_RDWR, 0)
	if err == nil {
		defer lock.Close()
		err = l.rewrite(root.Root, change)
	}
	if err != nil {
		return fmt.Errorf("write index of layout %q: %w", l.path, cause(err))
	}
	return nil
}

func (l *Layout) rewrite(root *os.Root, change func([]ocispec.Descriptor) []ocispec.Descriptor) error {
	if err := l.readIndex(); err != nil {
		return err
	}
	all := change(slices.Clone(l.index.Manifests))
	if all == nil {
		return nil
	}
	slices.SortStableFunc(all, compareEntries)
	index := *l.index
	index.SchemaVersion, index.Manifests = 2, all
	raw, err := json.Marshal(index)
	if err == nil && len(raw) > artifact.MaxManifest {
		err = fmt.Errorf("it would have more than %d bytes", artifact.MaxManifest)
	}
	if err != nil {
		return err
	}
	err = place(root, ocispec.ImageIndexFile, func(w io.Writer) error {
		_, err := w.Write(raw)
		return err
	})
	if err == nil {
		l.index, l.subjects = &index, nil
	}
	return err
}

// compareEntries sorts what has a name before what has none, so that the index is the same whoever was faster.
func compareEntries(a, b ocispec.Descriptor) int {
	name := func(d ocispec.Descriptor) string { return d.Annotations[ocispec.AnnotationRefName] }
	switch {
	case name(a) != "" && name(b) == "":
		return -1
	case name(a) == "" && name(b) != "":
		return 1
	}
	return cmp.Or(cmp.Compare(name(a), name(b)), cmp.Compare(a.Digest, b.Digest))
}
