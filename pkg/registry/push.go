package registry

import (
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// PushBlob sends the blob that d describes, unless the repository has it, or can take it over as [Access.Mount] says. open is called for each try and must give the
// whole blob each time.
func (r *Repository) PushBlob(ctx context.Context, d ocispec.Descriptor, open func() (io.ReadCloser, error)) error {
	hash, err := v1.NewHash(d.Digest.String())
	if err != nil {
		return fmt.Errorf("push blob %q: %w", d.Digest, err)
	}
	if r.mount != nil {
		if has, err := r.hasBlob(ctx, hash); err == nil && (has || r.mount.take(ctx, r.repo, d)) {
			return nil
		}
	}
	err = r.persist(ctx, func() error {
		return remote.WriteLayer(r.repo, &blob{d, hash, open}, options(ctx, r.transport)...)
	})
	if err != nil {
		return fmt.Errorf("push blob %q to %q: %w", d.Digest, r.ref.Name(), r.explain(err))
	}
	return nil
}

// hasBlob asks before a mount: one of what is there would still cost a token.
func (r *Repository) hasBlob(ctx context.Context, hash v1.Hash) (bool, error) {
	layer, err := remote.Layer(r.repo.Digest(hash.String()), options(ctx, r.transport)...)
	if err != nil {
		return false, err
	}
	return partial.Exists(layer)
}

// PushManifest makes tag name the manifest raw, whose blobs the repository must have. Without a tag the manifest can be
// found by its digest only.
func (r *Repository) PushManifest(ctx context.Context, tag string, d ocispec.Descriptor, raw []byte) error {
	var ref name.Reference = r.repo.Digest(d.Digest.String())
	label := r.ref.At(d.Digest).String()
	if tag != "" {
		ref, label = r.repo.Tag(tag), r.ref.Name()+":"+tag
	}
	err := r.persist(ctx, func() error {
		return remote.Put(ref, manifest{d.MediaType, raw}, options(ctx, r.transport)...)
	})
	if err != nil {
		return fmt.Errorf("push manifest %q: %w", label, r.explain(err))
	}
	return nil
}

// blob is a layer for the client library's eyes.
type blob struct {
	descriptor ocispec.Descriptor
	hash       v1.Hash
	open       func() (io.ReadCloser, error)
}

func (b *blob) Digest() (v1.Hash, error) { return b.hash, nil }
func (b *blob) DiffID() (v1.Hash, error) {
	return v1.Hash{}, fmt.Errorf("blob %q is only sent, never unpacked", b.hash)
}
func (b *blob) Compressed() (io.ReadCloser, error)   { return b.open() }
func (b *blob) Uncompressed() (io.ReadCloser, error) { return b.open() }
func (b *blob) Size() (int64, error)                 { return b.descriptor.Size, nil }
func (b *blob) MediaType() (types.MediaType, error) {
	return types.MediaType(b.descriptor.MediaType), nil
}

// manifest is raw bytes with a media type, for the client library's eyes.
type manifest struct {
	mediaType string
	raw       []byte
}

func (m manifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m manifest) MediaType() (types.MediaType, error) { return types.MediaType(m.mediaType), nil }
