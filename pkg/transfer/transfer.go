package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// Source is what artifacts are copied from.
type Source interface {
	Reader
	// Attached lists what belongs to subject, at most limit of what names it as its subject; cut says that there is more.
	Attached(ctx context.Context, subject digest.Digest, limit int) (all []artifact.Attachment, cut bool, err error)
}

// Reader gives the bytes that descriptors describe.
type Reader interface {
	// Manifest gives the manifest or index that d describes, with d's digest.
	Manifest(ctx context.Context, d ocispec.Descriptor) (raw []byte, mediaType string, err error)
	// Blob opens the blob that d describes. The reader fails before EOF unless size and digest are d's.
	Blob(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error)
}

// Destination is where artifacts are copied to.
type Destination interface {
	Holder
	Writer
}

// Holder tells what it has.
type Holder interface {
	// Exists tells whether it has this manifest and, where it is an image manifest, all the blobs that it names.
	Exists(ctx context.Context, d digest.Digest) (bool, error)
	// Names tells whether tag names d.
	Names(ctx context.Context, tag string, d digest.Digest) (bool, error)
}

// Writer takes blobs before the manifests that name them.
type Writer interface {
	// PushBlob writes a blob, unless it is there.
	PushBlob(ctx context.Context, d ocispec.Descriptor, open func() (io.ReadCloser, error)) error
	ManifestWriter
}

// ManifestWriter takes manifests and indexes.
type ManifestWriter interface {
	TagWriter
	// PushReferrer writes a manifest so that whoever asks for what refers to its subject finds it.
	PushReferrer(ctx context.Context, d ocispec.Descriptor, raw []byte) error
}

// TagWriter makes tags name manifests.
type TagWriter interface {
	// PushManifest writes a manifest, and makes tag name it unless that is empty.
	PushManifest(ctx context.Context, tag string, d ocispec.Descriptor, raw []byte) error
	// Amend replaces the manifest that tag names by what change makes of it: change gets the manifest that is there now, nil when there is
	// none, and gives none when nothing is left to do. It may be called again where somebody else wrote meanwhile.
	Amend(ctx context.Context, tag string, change func(raw []byte) (ocispec.Descriptor, []byte, error)) error
}

// Options configure a [Copier]. The zero value copies everything.
type Options struct {
	// NoReferrers leaves behind what belongs to the artifacts: signatures, attestations and the like.
	NoReferrers bool
	// Concurrent is how many blobs are under way at a time. Zero: 4.
	Concurrent int
	// Sent is told how many more bytes of blobs were read for the destination. Nil: nobody is told.
	Sent func(n int)
	// Missed is told what is passed over, and why. Nil: nobody is told. It may be called from several goroutines.
	Missed func(d digest.Digest, why error)
}

const (
	defaultConcurrent = 4
	maxAttachments    = 1_000 // of a manifest
	maxManifests      = 10_000
	maxDepth          = 8
	maxHeld           = 64 << 20 // bytes of manifests that are held at a time
)

// ErrTooMany says that more belongs to an artifact than is copied. [Options.NoReferrers] leaves all of it behind.
var ErrTooMany = errors.New("too much belongs to it")

// Copier copies from one place to another. What it copied it knows: artifacts that share parts are best copied by the same one. It is safe
// for concurrent use.
type Copier struct {
	from    Source
	to      Destination
	options Options
	slots   chan struct{} // of blobs that are under way
	sent    atomic.Int64
	held    atomic.Int64 // bytes of documents

	mu        sync.Mutex
	blobs     map[digest.Digest]*state
	manifests map[digest.Digest]*state
	attached  map[digest.Digest]bool // whose attachments are dealt with
}

// New returns a copier that has copied nothing yet.
func New(from Source, to Destination, o Options) *Copier {
	if o.Concurrent <= 0 {
		o.Concurrent = defaultConcurrent
	}
	if o.Missed == nil {
		o.Missed = func(digest.Digest, error) {}
	}
	return &Copier{
		from: from, to: to, options: o,
		slots:     make(chan struct{}, o.Concurrent),
		blobs:     map[digest.Digest]*state{},
		manifests: map[digest.Digest]*state{},
		attached:  map[digest.Digest]bool{},
	}
}

// Sent is how many bytes of blobs were read for the destination so far.
func (c *Copier) Sent() int64 { return c.sent.Load() }

// Result is what came of a copy.
type Result struct {
	Descriptor  ocispec.Descriptor // of the artifact, with media type and size
	Manifest    []byte
	Moved       bool // a tag names it that did not before
	Attachments int  // signatures and the like that the copy has, and theirs
}

// Copy copies the artifact that d describes, whose media type and size may be missing, and makes the tags name the copy.
func (c *Copier) Copy(ctx context.Context, d ocispec.Descriptor, tags ...string) (Result, error) {
	w := &walk{Copier: c}
	root, err := w.read(ctx, d)
	if err != nil {
		return Result{}, err
	}
	defer w.drop(root)
	result := Result{Descriptor: root.Descriptor, Manifest: root.raw}
	if err := w.putDocument(ctx, root); err != nil {
		return result, err
	}
	if !c.options.NoReferrers {
		if err := w.attachments(ctx, root, 0); err != nil {
			return result, err
		}
		result.Attachments = int(w.found.Load())
	}
	for _, tag := range tags {
		named, err := c.name(ctx, tag, root)
		if err != nil {
			return result, err
		}
		result.Moved = result.Moved || named
	}
	return result, nil
}

// name makes the tag name what it does not name yet.
func (c *Copier) name(ctx context.Context, tag string, m document) (changed bool, err error) {
	named, err := c.to.Names(ctx, tag, m.Digest)
	if err != nil || named {
		return false, err
	}
	return true, c.to.PushManifest(ctx, tag, m.Descriptor, m.raw)
}

// walk is the copy of one artifact.
type walk struct {
	*Copier
	documents atomic.Int64
	found     atomic.Int64
}

// document is a manifest or an index as it was read.
type document struct {
	ocispec.Descriptor // complete
	raw                []byte
}

// read fetches a manifest. Nothing of d is kept but its type and its digest. Whoever has no use for the bytes any more drops it.
func (w *walk) read(ctx context.Context, d ocispec.Descriptor) (document, error) {
	if w.documents.Add(1) > maxManifests {
		return document{}, fmt.Errorf("copy %q: more than %d manifests: %w", d.Digest, maxManifests, ErrTooMany)
	}
	raw, mediaType, err := w.from.Manifest(ctx, d)
	if err != nil {
		return document{}, err
	}
	if mediaType == "" {
		mediaType = typeOf(raw)
	}
	if !artifact.IsManifest(mediaType) && !artifact.IsIndex(mediaType) {
		return document{}, &artifactTypeError{d.Digest, mediaType}
	}
	m := document{ocispec.Descriptor{MediaType: mediaType, Digest: d.Digest, Size: int64(len(raw))}, raw}
	if w.held.Add(m.Size) > maxHeld {
		w.drop(m)
		return document{}, fmt.Errorf("copy %q: more than %d bytes of manifests at a time: %w", d.Digest, maxHeld, ErrTooMany)
	}
	return m, nil
}

func (c *Copier) drop(m document) { c.held.Add(-m.Size) }

type artifactTypeError struct {
	digest    digest.Digest
	mediaType string
}

func (e *artifactTypeError) Error() string {
	return fmt.Sprintf("copy %q: its type %.100q is neither that of an image manifest nor that of an index", e.digest, e.mediaType)
}

// typeOf tells what nobody gave a type.
func typeOf(raw []byte) string {
	if x, err := artifact.ParseIndex(raw); err == nil {
		return cmp.Or(x.MediaType, artifact.IndexOCI)
	}
	if m, err := artifact.ParseManifest(raw); err == nil {
		return cmp.Or(m.MediaType, artifact.ManifestOCI)
	}
	return ""
}
