package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// Blob fetches the blob that d describes. The reader fails before EOF unless size and digest are d's, with an [*UnusableError] where only
// the size is not: then it is d that lies, each time anew. The caller closes it.
func (r *Repository) Blob(ctx context.Context, d ocispec.Descriptor) (body io.ReadCloser, err error) {
	err = r.persist(ctx, func() error {
		body, err = r.openBlob(ctx, d)
		return err
	})
	return body, err
}

// CopyBlob writes the blob that d describes to what begin gives. Where a try breaks off, begin is called anew, and what was
// written before is of no use. The bytes are d's only when there is no error.
func (r *Repository) CopyBlob(ctx context.Context, d ocispec.Descriptor, begin func() io.Writer) error {
	return r.persist(ctx, func() error {
		body, err := r.openBlob(ctx, d)
		if err != nil {
			return err
		}
		defer body.Close()
		_, err = io.Copy(begin(), body)
		return err
	})
}

func (r *Repository) openBlob(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	label := r.ref.At(d.Digest)
	if err := checkDigest(d.Digest); err != nil {
		return nil, fmt.Errorf("fetch blob %q: %w", label, err)
	}
	resp, err := r.get(ctx, r.transport, "blobs/"+d.Digest.String()) //nolint:bodyclose // whoever reads closes it
	if err != nil {
		return nil, fmt.Errorf("fetch blob %q: %w", label, r.explain(err))
	}
	return &checkedBlob{body: resp.Body, label: label, left: d.Size, verifier: d.Digest.Verifier()}, nil
}

// checkedBlob holds a blob to the size and the digest that its descriptor gives.
type checkedBlob struct {
	body     io.ReadCloser
	label    Reference
	left     int64
	verifier digest.Verifier
}

func (b *checkedBlob) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	_, _ = b.verifier.Write(p[:n])
	if b.left -= int64(n); b.left < 0 {
		return 0, b.fail(b.tooLong(err))
	}
	switch {
	case err == nil:
		return n, nil
	case err != io.EOF:
		return n, b.fail(translate(err))
	case !b.verifier.Verified():
		return n, b.fail(b.otherBytes())
	case b.left > 0:
		return n, b.fail(&UnusableError{fmt.Errorf("it ends %d bytes before its descriptor says", b.left)})
	}
	return n, io.EOF
}

// Whoever reads on past the size that a descriptor gives learns whether it is the descriptor that lies, or the registry. What is not over
// by then is no page of an error, either.
const maxExcess = artifact.MaxManifest

// tooLong tells whose fault it is that there are more bytes than there should be. err is how the last read ended.
func (b *checkedBlob) tooLong(err error) error {
	if err == nil {
		_, err = io.CopyN(b.verifier, b.body, maxExcess)
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return translate(err)
	case err != nil && !b.verifier.Verified():
		return &DigestError{}
	}
	return &UnusableError{errors.New("it is longer than its descriptor says")}
}

// otherBytes is the verdict about a blob that ended. One that was cut may be whole the next time.
func (b *checkedBlob) otherBytes() error {
	if b.left > 0 {
		return fmt.Errorf("it ends %d bytes early: %w", b.left, io.ErrUnexpectedEOF)
	}
	return &DigestError{}
}

func (b *checkedBlob) fail(err error) error { return fmt.Errorf("fetch blob %q: %w", b.label, err) }

func (b *checkedBlob) Close() error { return b.body.Close() }
