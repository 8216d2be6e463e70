package transfer

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// once runs copy for a digest until it succeeds; who comes meanwhile waits for it. Nothing is named by digest by what it names itself, so
// that nobody waits for himself.
func (c *Copier) once(ctx context.Context, known map[digest.Digest]*state, d digest.Digest, copy func() error) error {
	c.mu.Lock()
	s, ok := known[d]
	if !ok {
		s = &state{}
		known[d] = s
	}
	c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := copy()
	s.done = err == nil
	return err
}

// state is how far the copy of a digest is.
type state struct {
	mu   sync.Mutex
	done bool
}

// put copies what d describes and all that it names, by digest. What belongs to it is another matter.
func (w *walk) put(ctx context.Context, d ocispec.Descriptor) error {
	m, err := w.read(ctx, d)
	if err != nil {
		return err
	}
	defer w.drop(m)
	return w.putDocument(ctx, m)
}

func (w *walk) putDocument(ctx context.Context, m document) error {
	return w.once(ctx, w.manifests, m.Digest, func() error {
		there, err := w.putParts(ctx, m)
		if err != nil || there {
			return err
		}
		return w.to.PushManifest(ctx, "", m.Descriptor, m.raw)
	})
}

// putParts copies what a manifest names, and tells whether the destination had it all. Where it has an image manifest, it has its blobs;
// of an index nobody knows.
func (w *walk) putParts(ctx context.Context, m document) (there bool, err error) {
	there, err = w.to.Exists(ctx, m.Digest)
	if err != nil {
		return false, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(w.options.Concurrent)
	if artifact.IsIndex(m.MediaType) {
		x, err := artifact.ParseIndex(m.raw)
		if err != nil {
			return false, fmt.Errorf("copy %q: %w", m.Digest, err)
		}
		for _, child := range x.Manifests {
			group.Go(func() error { return w.put(ctx, child) })
		}
		return there, group.Wait()
	}
	parsed, err := artifact.ParseManifest(m.raw)
	if err != nil {
		return false, fmt.Errorf("copy %q: %w", m.Digest, err)
	}
	if there {
		return true, nil
	}
	for _, blob := range append(parsed.Layers, parsed.Config) {
		group.Go(func() error { return w.putBlob(ctx, blob) })
	}
	return false, group.Wait()
}

func (c *Copier) putBlob(ctx context.Context, d ocispec.Descriptor) error {
	return c.once(ctx, c.blobs, d.Digest, func() error {
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		defer func() { <-c.slots }()
		return c.to.PushBlob(ctx, d, func() (io.ReadCloser, error) {
			blob, err := c.from.Blob(ctx, d)
			if err != nil {
				return nil, err
			}
			return &counted{blob, c}, nil
		})
	})
}

// counted is a blob under way.
type counted struct {
	io.ReadCloser
	copier *Copier
}

func (r *counted) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.copier.sent.Add(int64(n))
	if r.copier.options.Sent != nil {
		r.copier.options.Sent(n)
	}
	return n, err
}
