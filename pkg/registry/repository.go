package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// Repository is one repository with one way to reach it. It is cheap to make and safe for concurrent use.
type Repository struct {
	ref       Reference // how the repository was named, for people
	repo      name.Repository
	transport http.RoundTripper // for blobs
	bounded   http.RoundTripper // for what is read whole into memory
	retry     bool

	credentials []Credential // none: anonymous

	polls *polls
	key   pollKey // of this repository, without a question
	after time.Time
}

func newRepository(ref Reference, repo name.Repository, c *chain, a Access, o Options) (*Repository, error) {
	var rt http.RoundTripper = &stallTransport{next: c, idle: a.timeout()}
	rt = &patientTransport{next: rt, patience: o.Patience, waiting: o.Waiting}
	free, err := settled(repo, rt)
	if err != nil {
		return nil, err
	}
	bounded, err := settled(repo, &boundedTransport{rt})
	if err != nil {
		return nil, err
	}
	return &Repository{ref: ref, repo: repo, transport: free, bounded: bounded, retry: o.Retry, credentials: a.Credentials}, nil
}

// settled tells the client library that authentication, retries and the user agent are settled.
func settled(repo name.Repository, rt http.RoundTripper) (http.RoundTripper, error) {
	rt, err := transport.FromToken(repo.Registry, authn.Anonymous, rt, &transport.Challenge{}, nil)
	if err != nil {
		return nil, fmt.Errorf("prepare transport: %w", err)
	}
	return rt, nil
}

func options(ctx context.Context, rt http.RoundTripper) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithTransport(rt), once()}
}

// Resolve asks which descriptor tag names now: one HEAD, or one GET where the registry refuses HEAD.
func (r *Repository) Resolve(ctx context.Context, tag string) (ocispec.Descriptor, error) {
	desc, err := share(ctx, r.polls, r.question("tag "+tag), r.after, func(ctx context.Context) (*v1.Descriptor, error) {
		return r.head(ctx, r.repo.Tag(tag))
	})
	return r.described(desc, r.ref.Name()+":"+tag, err)
}

// question is what equal ones can be told by.
func (r *Repository) question(text string) pollKey {
	key := r.key
	key.question = text
	return key
}

// Exists tells whether the repository has this manifest, and that the credential may read it: one HEAD.
func (r *Repository) Exists(ctx context.Context, d digest.Digest) (bool, error) {
	desc, err := r.head(ctx, r.repo.Digest(d.String()))
	_, err = r.described(desc, r.ref.At(d).String(), err)
	if IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// described reads the answer about what people know as label.
func (r *Repository) described(desc *v1.Descriptor, label string, err error) (ocispec.Descriptor, error) {
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("resolve %q: %w", label, r.explain(err))
	}
	d := digest.Digest(desc.Digest.String())
	if d.Algorithm() != digest.SHA256 {
		return ocispec.Descriptor{}, fmt.Errorf("resolve %q: digest %q is no sha256", label, d)
	}
	return ocispec.Descriptor{MediaType: string(desc.MediaType), Digest: d, Size: desc.Size}, nil
}

func (r *Repository) head(ctx context.Context, ref name.Reference) (desc *v1.Descriptor, err error) {
	err = r.persist(ctx, func() error {
		desc, err = remote.Head(ref, options(ctx, r.bounded)...)
		if !headRefused(err) {
			return err
		}
		full, err := remote.Get(ref, options(ctx, r.bounded)...)
		if err == nil {
			desc = &full.Descriptor
		}
		return err
	})
	return desc, err
}

// headRefused tells a registry that does not do HEAD, or leaves out the headers that make it worth while, from every
// other trouble, which a GET would only repeat.
func headRefused(err error) bool {
	if err == nil {
		return false
	}
	e, ok := errors.AsType[*transport.Error](err)
	if ok {
		return e.StatusCode == http.StatusMethodNotAllowed || e.StatusCode == http.StatusNotImplemented
	}
	return strings.Contains(err.Error(), "did not include")
}

// Manifest fetches the manifest or index that d describes. The bytes have d's digest; mediaType is what the registry says
// they are, where d does not.
func (r *Repository) Manifest(ctx context.Context, d ocispec.Descriptor) (raw []byte, mediaType string, err error) {
	label := r.ref.At(d.Digest)
	if d.Size > artifact.MaxManifest {
		return nil, "", &UnusableError{fmt.Errorf("fetch manifest %q: it has %d bytes, more than %d", label, d.Size, artifact.MaxManifest)}
	}
	var got *remote.Descriptor
	err = r.persist(ctx, func() (err error) {
		got, err = remote.Get(r.repo.Digest(d.Digest.String()), options(ctx, r.bounded)...)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("fetch manifest %q: %w", label, r.explain(err))
	}
	return got.Manifest, cmp.Or(d.MediaType, string(got.MediaType)), nil
}

// Blob fetches the blob that d describes. The reader fails before EOF unless size and digest are d's. The caller closes
// it.
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
	layer, err := remote.Layer(r.repo.Digest(d.Digest.String()), options(ctx, r.transport)...)
	if err != nil {
		return nil, fmt.Errorf("fetch blob %q: %w", label, r.explain(err))
	}
	body, err := layer.Compressed()
	if err != nil {
		return nil, fmt.Errorf("fetch blob %q: %w", label, r.explain(err))
	}
	return &sizedReader{body: body, label: label, left: d.Size}, nil
}

// sizedReader holds a blob to the size its descriptor gives; the client library holds it to the digest.
type sizedReader struct {
	body  io.ReadCloser
	label Reference
	left  int64
}

func (s *sizedReader) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	s.left -= int64(n)
	switch {
	case s.left < 0:
		return 0, fmt.Errorf("fetch blob %q: it is longer than its descriptor says", s.label)
	case err == io.EOF && s.left > 0:
		return n, fmt.Errorf("fetch blob %q: it ends %d bytes early: %w", s.label, s.left, io.ErrUnexpectedEOF)
	case err != nil && err != io.EOF:
		return n, fmt.Errorf("fetch blob %q: %w", s.label, translate(err))
	}
	return n, err
}

func (s *sizedReader) Close() error { return s.body.Close() }

// boundedTransport ends each body at the size of the largest manifest, wherever a redirect led to.
type boundedTransport struct{ next http.RoundTripper }

func (t *boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: artifact.MaxManifest}
	return resp, nil
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("the answer has more than %d bytes", artifact.MaxManifest)
	}
	return n, err
}
