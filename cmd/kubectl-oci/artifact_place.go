package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/layout"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// contents is what holds the parts of artifacts: a repository or a layout.
type contents interface {
	// Manifest gives the manifest or index that d describes, with d's digest.
	Manifest(ctx context.Context, d ocispec.Descriptor) (raw []byte, mediaType string, err error)
	// CopyBlob writes the blob that d describes to what begin gives, anew for each try.
	CopyBlob(ctx context.Context, d ocispec.Descriptor, begin func() io.Writer) error
}

// attacher knows what belongs to artifacts.
type attacher interface {
	// Attached lists what belongs to subject, at most limit of what names it as its subject; cut says that there is more.
	Attached(ctx context.Context, subject digest.Digest, limit int) (all []artifact.Attachment, cut bool, err error)
}

// place is where an artifact is, as somebody typed it: in a registry, or in a folder that is a layout.
type place struct {
	ref  registry.Reference // zero where it is a layout
	path string             // of the layout
	tag  string             // in the layout; empty for the only artifact in it
	at   digest.Digest      // in the layout; wins over tag
}

// isReference tells by its form alone what is meant by a text that could be a path, too: what lies on the disk must not change it.
func isReference(text string) bool {
	_, err := registry.Parse(text)
	return err == nil
}

// layoutAt reads PATH, PATH:TAG or PATH@DIGEST where PATH is a layout.
func layoutAt(text string) (p place, ok bool, err error) {
	if isReference(text) {
		return place{}, false, nil
	}
	if layout.Is(text) {
		return place{path: text}, true, nil
	}
	if path, at, ok := strings.Cut(text, "@"); ok && layout.Is(path) {
		d := digest.Digest(at)
		if d.Validate() != nil || d.Algorithm() != digest.SHA256 {
			return place{}, true, usageError{fmt.Errorf("%q: digest %q is not sha256: and 64 hex digits", text, at)}
		}
		return place{path: path, at: d}, true, nil
	}
	if i := strings.LastIndexByte(text, ':'); i > 0 && layout.Is(text[:i]) {
		return place{path: text[:i], tag: text[i+1:]}, true, nil
	}
	return place{}, false, nil
}

// parsePlace reads what a command was told to look at.
func parsePlace(verb, text string) (place, error) {
	if p, ok, err := layoutAt(text); ok {
		return p, err
	}
	if !isReference(text) {
		if _, err := os.Stat(text); err == nil {
			return place{}, usageError{fmt.Errorf("%s %q: it is no OCI layout", verb, text)}
		}
		if strings.HasPrefix(text, ".") || strings.HasSuffix(text, ".tar") {
			return place{}, usageError{fmt.Errorf("%s %q: no such file or folder", verb, text)}
		}
	}
	ref, err := parseExisting(verb, text)
	return place{ref: ref}, err
}

// found is an artifact that was resolved, and what its parts are read from. Whoever opened it closes it.
type found struct {
	contents
	attacher
	io.Closer
	name       string // by digest
	descriptor ocispec.Descriptor
}

// open resolves the place. Whoever calls it blames the registry for errors.
func (p place) open(ctx context.Context, r *remote, report *reporter) (*found, error) {
	if p.path != "" {
		return p.openLayout()
	}
	repo, err := r.open(ctx, p.ref, false, report)
	if err != nil {
		return nil, err
	}
	d := ocispec.Descriptor{Digest: p.ref.Digest}
	if d.Digest == "" {
		if d, err = repo.Resolve(ctx, p.ref.Tag); err != nil {
			return nil, err
		}
	}
	return &found{repo, repo, io.NopCloser(nil), p.ref.At(d.Digest).String(), d}, nil
}

func (p place) openLayout() (*found, error) {
	l, err := layout.Open(p.path)
	if err != nil {
		return nil, err
	}
	d := ocispec.Descriptor{Digest: p.at}
	if d.Digest == "" {
		if d, err = resolveIn(l, p.tag); err != nil {
			l.Close()
			return nil, err
		}
	}
	return &found{l, l, l, p.path + "@" + d.Digest.String(), d}, nil
}

// resolveIn names the tags that there are, where tag is none of them or one has to be said.
func resolveIn(l *layout.Layout, tag string) (ocispec.Descriptor, error) {
	d, err := l.Resolve(tag)
	if err == nil {
		return d, nil
	}
	all, listErr := l.Artifacts()
	var tags []string
	for _, there := range all {
		if tag := layout.Tag(there); tag != "" {
			tags = append(tags, shown(tag))
		}
	}
	if listErr != nil || len(tags) == 0 {
		return d, err
	}
	if more := len(tags) - namedSkips; more > 0 {
		tags = append(tags[:namedSkips], fmt.Sprintf("and %d more", more))
	}
	return d, &hintedError{err, "it holds " + strings.Join(tags, ", ")}
}

// blame says which registry an error is about, if it is about one.
func (p place) blame(r *remote, err error) error {
	if err == nil || p.path != "" {
		return err
	}
	return r.blame(p.ref, err)
}

// documents are an artifact's manifest, and the index that named it where there was one.
type documents struct {
	index      *ocispec.Index
	manifest   *ocispec.Manifest
	descriptor ocispec.Descriptor // of the manifest
	mediaType  string             // of what was asked for
	size       int64              // bytes of it
}

// read fetches the manifest, through an index where need be.
func (f *found) read(ctx context.Context) (*documents, error) {
	raw, mediaType, err := f.Manifest(ctx, f.descriptor)
	if err != nil {
		return nil, err
	}
	got := &documents{descriptor: f.descriptor, mediaType: mediaType, size: int64(len(raw))}
	if artifact.IsIndex(mediaType) || mediaType == "" && isIndex(raw) {
		if got.index, err = artifact.ParseIndex(raw); err != nil {
			return nil, err
		}
		if got.descriptor, err = artifact.ChoosePlatform(got.index); err != nil {
			return nil, err
		}
		if raw, _, err = f.Manifest(ctx, got.descriptor); err != nil {
			return nil, err
		}
	}
	got.manifest, err = artifact.ParseManifest(raw)
	return got, err
}

// isIndex tells what nobody gave a type.
func isIndex(raw []byte) bool {
	_, err := artifact.ParseIndex(raw)
	return err == nil
}

// download gives a layer's bytes, checked, as an archive: a layer that is one file becomes an archive of that file. The caller closes
// the spool.
func download(ctx context.Context, from contents, layer ocispec.Descriptor, report *reporter) (*archive.Spool, error) {
	if limit := archive.DefaultLimits().Compressed; layer.Size > limit {
		return nil, fmt.Errorf("fetch layer %q: it has %d bytes, more than the limit of %d", layer.Digest, layer.Size, limit)
	}
	bar := report.bar("pulling", layer.Size)
	defer bar.Finish()
	spool := archive.NewSpool(spoolMemory)
	err := from.CopyBlob(ctx, layer, func() io.Writer {
		_ = spool.Close()
		spool = archive.NewSpool(spoolMemory)
		bar.Reset()
		return io.MultiWriter(spool, bar)
	})
	if err != nil {
		_ = spool.Close()
		return nil, err
	}
	return unwrap(ctx, spool, layer)
}

// unwrap packs a layer that is a text, as clients such as oras push files, and gives any other as it is.
func unwrap(ctx context.Context, spool *archive.Spool, layer ocispec.Descriptor) (*archive.Spool, error) {
	text, err := isText(spool)
	if err != nil || !text {
		return spool, err
	}
	defer spool.Close()
	packed := archive.NewSpool(spoolMemory)
	whatever := archive.PackOptions{Ignore: []string{"!*"}}
	if _, err := archive.Pack(ctx, packed, archive.FromSpool(titleOf(layer), spool), whatever); err != nil {
		return nil, errors.Join(fmt.Errorf("read layer %q: %w", layer.Digest, err), packed.Close())
	}
	return packed, nil
}

func isText(spool *archive.Spool) (bool, error) {
	r, err := spool.Open()
	if err != nil {
		return false, err
	}
	defer r.Close()
	return archive.IsText(r)
}

// titleOf is the name of the file that a layer is. Of a path only the last element counts.
func titleOf(layer ocispec.Descriptor) string {
	title := layer.Annotations[artifact.AnnotationTitle]
	if title = title[strings.LastIndexAny(title, `/\`)+1:]; title == "" || title == "." || title == ".." {
		return stdinName
	}
	return title
}
