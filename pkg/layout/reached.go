package layout

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// reached are the names of all blobs that the index leads to. What a tag named before it was moved lies there and is none.
func (l *Layout) reached(ctx context.Context) (map[string]bool, error) {
	l.mu.Lock()
	left := slices.Clone(l.index.Manifests)
	l.mu.Unlock()
	names, read := map[string]bool{}, map[digest.Digest]bool{}
	for len(left) > 0 {
		d := left[len(left)-1]
		left = left[:len(left)-1]
		names[blobName(d.Digest)] = true
		if read[d.Digest] || !artifact.IsManifest(d.MediaType) && !artifact.IsIndex(d.MediaType) {
			continue
		}
		read[d.Digest] = true
		parts, err := l.parts(ctx, d)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		left = append(left, parts...)
	}
	return names, nil
}

// parts are what a manifest or an index names.
func (l *Layout) parts(ctx context.Context, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	raw, _, err := l.Manifest(ctx, d)
	if err != nil {
		return nil, err
	}
	if artifact.IsIndex(d.MediaType) {
		x, err := artifact.ParseIndex(raw)
		if err != nil {
			return nil, err
		}
		return x.Manifests, nil
	}
	m, err := artifact.ParseManifest(raw)
	if err != nil {
		return nil, err
	}
	return append(m.Layers, m.Config), nil
}
