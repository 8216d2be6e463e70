package registry

import (
	"context"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// UnusableError is content that is of no use though the registry does what it should: because of what it is, or because a descriptor says of
// it what is not true. Fetching it again gives the same. A registry that sends something else, or nothing, gives no such error.
type UnusableError struct{ Err error }

func (e *UnusableError) Error() string { return e.Err.Error() }
func (e *UnusableError) Unwrap() error { return e.Err }

// ImageManifest fetches the image manifest that d describes; where d describes an index, the manifest that the index offers for
// everybody. The error is an [*UnusableError] where the content is to blame, not the transfer.
func (r *Repository) ImageManifest(ctx context.Context, d ocispec.Descriptor) (*ocispec.Manifest, error) {
	raw, mediaType, err := r.Manifest(ctx, d)
	if err != nil {
		return nil, err
	}
	if artifact.IsIndex(mediaType) {
		child, err := chooseChild(raw)
		if err != nil {
			return nil, &UnusableError{err}
		}
		if raw, _, err = r.Manifest(ctx, child); err != nil {
			return nil, err
		}
	}
	m, err := artifact.ParseManifest(raw)
	if err != nil {
		return nil, &UnusableError{err}
	}
	return m, nil
}

func chooseChild(raw []byte) (ocispec.Descriptor, error) {
	index, err := artifact.ParseIndex(raw)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return artifact.ChoosePlatform(index)
}
