package main

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/transfer"
)

// send makes every tag name the artifact and gives the digest that they name then. What the registry has already is not sent.
// The tags come last: one that moved names an artifact that is whole, and signed where it is to be.
func (o *pushOptions) send(
	ctx context.Context, repo *registry.Repository, made *artifact.Artifact, layer *archive.Spool, seal *sealer, report *reporter,
) (digest.Digest, error) {
	stale, current, err := o.staleTags(ctx, repo, made)
	if err != nil {
		return "", err
	}
	switch {
	case current != "" && seal.has(ctx, repo, current):
		report.line("unchanged: %s holds the same files", o.ref)
		return current, nil
	case current != "":
		stale = o.tags // others' annotations of the same files are not for us to sign
	}
	if len(stale) == 0 {
		report.line("unchanged: the registry has it")
		return made.Descriptor.Digest, seal.ensure(ctx, repo, made.Descriptor, report)
	}
	if len(stale) == len(o.tags) {
		if err := sendBlobs(ctx, repo, made, layer, report); err != nil {
			return "", err
		}
	}
	if seal != nil {
		if err := repo.PushManifest(ctx, "", made.Descriptor, made.Manifest); err != nil {
			return "", err
		}
		if err := seal.ensure(ctx, repo, made.Descriptor, report); err != nil {
			return "", err
		}
	}
	for _, tag := range stale {
		if err := repo.PushManifest(ctx, tag, made.Descriptor, made.Manifest); err != nil {
			return "", err
		}
		report.line("tagged %s:%s", o.ref.Name(), tag)
	}
	return made.Descriptor.Digest, nil
}

// staleTags gives the tags that do not name the artifact yet. With --if-changed it gives, instead, the digest that the first
// tag names when that artifact has the same files.
func (o *pushOptions) staleTags(ctx context.Context, repo *registry.Repository, made *artifact.Artifact) (stale []string, same digest.Digest, err error) {
	for i, tag := range o.tags {
		d, err := repo.Resolve(ctx, tag)
		switch {
		case registry.IsNotFound(err):
			stale = append(stale, tag)
			continue
		case err != nil:
			return nil, "", err
		case d.Digest == made.Descriptor.Digest && o.ifChanged && i == 0:
			return nil, d.Digest, nil
		case d.Digest == made.Descriptor.Digest:
			continue
		}
		stale = append(stale, tag)
		if !o.ifChanged || i > 0 {
			continue
		}
		if ok, err := sameFiles(ctx, repo, d, made); ok || err != nil {
			return nil, d.Digest, err
		}
	}
	return stale, "", nil
}

// sameFiles tells whether the artifact at d has the config and the layer of the one just made.
func sameFiles(ctx context.Context, repo *registry.Repository, d ocispec.Descriptor, made *artifact.Artifact) (bool, error) {
	m, err := repo.ImageManifest(ctx, d)
	if _, ok := errors.AsType[*registry.UnusableError](err); ok {
		return false, nil // not ours, so not the same
	}
	if err != nil {
		return false, err
	}
	return sameContent(m.Config, made.ConfigDescriptor) && len(m.Layers) == 1 && sameContent(m.Layers[0], made.LayerDescriptor), nil
}

// sameContent compares types, too: who looks for one profile's does not find the other's.
func sameContent(a, b ocispec.Descriptor) bool {
	return a.MediaType == b.MediaType && a.Digest == b.Digest
}

// sendBlobs sends layer and config side by side.
func sendBlobs(ctx context.Context, to transfer.Writer, made *artifact.Artifact, layer *archive.Spool, report *reporter) error {
	bar := report.bar("pushing", made.LayerDescriptor.Size)
	defer bar.Finish()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return to.PushBlob(ctx, made.LayerDescriptor, func() (io.ReadCloser, error) {
			bar.Reset() // another try starts from the beginning
			return watch(layer.Open, bar)
		})
	})
	group.Go(func() error {
		return to.PushBlob(ctx, made.ConfigDescriptor, func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(made.Config)), nil
		})
	})
	return group.Wait()
}

// watch opens a reader and shows in bar how much of it was read.
func watch(open func() (io.ReadCloser, error), bar io.Writer) (io.ReadCloser, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r, bar), r}, nil
}
