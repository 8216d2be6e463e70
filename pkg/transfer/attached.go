package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// attachments copies what belongs to m and, where m is an index, to its members; and what belongs to that.
func (w *walk) attachments(ctx context.Context, m document, depth int) error {
	if !w.first(m.Digest) {
		return nil
	}
	list, cut, err := w.from.Attached(ctx, m.Digest, maxAttachments)
	switch {
	case err != nil:
		return err
	case cut:
		return fmt.Errorf("copy what belongs to %q: more than %d attachments: %w", m.Digest, maxAttachments, ErrTooMany)
	case len(list) > 0 && depth == maxDepth:
		return fmt.Errorf("copy what belongs to %q: attachments of attachments, %d deep: %w", m.Digest, depth, ErrTooMany)
	}
	members, err := membersOf(m)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(w.options.Concurrent)
	for _, member := range members {
		group.Go(func() error { return w.memberAttachments(ctx, member, depth) })
	}
	for _, a := range list {
		group.Go(func() error { return w.attachment(ctx, m.Digest, a, depth) })
	}
	return group.Wait()
}

// first tells whether nobody has asked yet what belongs to d.
func (c *Copier) first(d digest.Digest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := !c.attached[d]
	c.attached[d] = true
	return first
}

// membersOf are what an index names.
func membersOf(m document) ([]ocispec.Descriptor, error) {
	if !artifact.IsIndex(m.MediaType) {
		return nil, nil
	}
	x, err := artifact.ParseIndex(m.raw)
	if err != nil {
		return nil, fmt.Errorf("copy %q: %w", m.Digest, err)
	}
	return x.Manifests, nil
}

func (w *walk) memberAttachments(ctx context.Context, d ocispec.Descriptor, depth int) error {
	if artifact.IsManifest(d.MediaType) {
		return w.attachments(ctx, document{Descriptor: d}, depth)
	}
	m, err := w.read(ctx, d)
	if err != nil {
		return err
	}
	defer w.drop(m)
	return w.attachments(ctx, m, depth)
}

// attachment copies one, and what belongs to it in turn: a signature may be signed. The list's word is not taken for anything but the
// digest.
func (w *walk) attachment(ctx context.Context, subject digest.Digest, a artifact.Attachment, depth int) error {
	m, err := w.readAttachment(ctx, subject, a)
	if isNone(err) {
		w.options.Missed(a.Digest, err)
		return nil
	}
	if err != nil {
		return err
	}
	defer w.drop(m)
	if _, err = w.putParts(ctx, m); err != nil {
		return err
	}
	if a.Tag != "" {
		err = w.join(ctx, a.Tag, m)
	} else {
		err = w.to.PushReferrer(ctx, m.Descriptor, m.raw)
	}
	if err != nil {
		return err
	}
	w.found.Add(1)
	return w.attachments(ctx, m, depth+1)
}

// join makes the tag name m, or where it names something else already, that with the layers of m: what was signed at the destination stays
// signed.
func (w *walk) join(ctx context.Context, tag string, m document) error {
	named, err := w.to.Names(ctx, tag, m.Digest)
	if err != nil || named {
		return err
	}
	return w.to.Amend(ctx, tag, func(there []byte) (ocispec.Descriptor, []byte, error) {
		if there == nil {
			return m.Descriptor, m.raw, nil
		}
		joined, err := artifact.Join(there, m.raw)
		if err != nil || joined == nil {
			return ocispec.Descriptor{}, nil, err
		}
		if joined.ConfigContent != nil {
			err = w.to.PushBlob(ctx, joined.Config, func() (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(joined.ConfigContent)), nil
			})
		}
		return joined.Descriptor, joined.Manifest, err
	})
}

var errUnrelated = errors.New("it does not refer to the artifact")

func (w *walk) readAttachment(ctx context.Context, subject digest.Digest, a artifact.Attachment) (document, error) {
	m, err := w.read(ctx, ocispec.Descriptor{Digest: a.Digest})
	if err != nil || a.Tag != "" {
		return m, err
	}
	_, named, err := artifact.ParseReferrer(m.raw)
	if err == nil && (named == nil || named.Digest != subject) {
		err = errUnrelated
	}
	if err != nil {
		w.drop(m)
	}
	return m, err
}

// isNone tells what a list of referrers names wrongly, or what is gone, from what fails.
func isNone(err error) bool {
	_, foreign := errors.AsType[*artifactTypeError](err)
	return foreign || errors.Is(err, errUnrelated) || registry.IsNotFound(err) || errors.Is(err, fs.ErrNotExist)
}
