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
	reach     Reach
	mount     *mount // nil: there is nowhere to take blobs from

	credentials []Credential // none: anonymous
	chain       *chain       // that tries them

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
	return &Repository{ref: ref, repo: repo, transport: free, bounded: bounded, retry: o.Retry, reach: a.Reach, credentials: a.Credentials, chain: c}, nil
}

// settled tells the client library that authentication, retries and the user agent are settled.
func settled(repo name.Repository, rt http.RoundTripper) (http.RoundTripper, error) {
	rt, err := transport.FromToken(repo.Registry, authn.Anonymous, rt, &transport.Challenge{}, nil)
	if err != nil {
		return nil, fmt.Errorf("prepare transport: %w", err)
	}
	return rt, nil
}

// Accepted gives the place, from 0, of the credential with which the repository answered last. Those before it were answered 401 or 403; ok
// is false where none was accepted, or nothing has been asked.
func (r *Repository) Accepted() (place int, ok bool) {
	taken := int(r.chain.taken.Load())
	return taken - 1, taken > 0
}

func options(ctx context.Context, rt http.RoundTripper) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithTransport(rt), once()}
}

// Resolve asks which descriptor tag names now: one HEAD, or one GET where the registry refuses HEAD.
func (r *Repository) Resolve(ctx context.Context, tag string) (ocispec.Descriptor, error) {
	desc, err := share(ctx, r.polls, r.question("tag "+tag), r.after, func(ctx context.Context) (ocispec.Descriptor, error) {
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
func (r *Repository) described(d ocispec.Descriptor, label string, err error) (ocispec.Descriptor, error) {
	if err == nil && d.Digest.Algorithm() != digest.SHA256 {
		err = &UnusableError{fmt.Errorf("digest %q is no sha256", d.Digest)}
	}
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("resolve %q: %w", label, r.explain(err))
	}
	return d, nil
}

// head is what the registry says of ref; where it has to send the manifest for that, it is what we read.
func (r *Repository) head(ctx context.Context, ref name.Reference) (d ocispec.Descriptor, err error) {
	err = r.persist(ctx, func() error {
		said, err := remote.Head(ref, options(ctx, r.bounded)...)
		if err == nil {
			d = ocispec.Descriptor{MediaType: string(said.MediaType), Digest: digest.Digest(said.Digest.String()), Size: said.Size}
			return nil
		}
		if !headRefused(err) {
			return err
		}
		got, err := r.fetch(ctx, ref)
		d = got.descriptor()
		return err
	})
	return d, err
}

// headRefused tells a registry that does not do HEAD, or leaves out the headers that make it worth while, from every
// other trouble, which a GET would only repeat.
func headRefused(err error) bool {
	e, ok := errors.AsType[*transport.Error](err)
	if ok {
		return e.StatusCode == http.StatusMethodNotAllowed || e.StatusCode == http.StatusNotImplemented
	}
	return strings.Contains(err.Error(), "did not include")
}

// Manifest fetches the manifest or index that d describes. The bytes have d's digest; mediaType is what the registry says
// they are, where d does not. The error is an [*UnusableError] where they are too many.
func (r *Repository) Manifest(ctx context.Context, d ocispec.Descriptor) (raw []byte, mediaType string, err error) {
	label := r.ref.At(d.Digest)
	if d.Size > artifact.MaxManifest {
		return nil, "", &UnusableError{fmt.Errorf("fetch manifest %q: it has %d bytes, more than %d", label, d.Size, artifact.MaxManifest)}
	}
	if err := checkDigest(d.Digest); err != nil {
		return nil, "", fmt.Errorf("fetch manifest %q: %w", label, err)
	}
	var got fetched
	err = r.persist(ctx, func() (err error) {
		got, err = r.fetch(ctx, r.repo.Digest(d.Digest.String()))
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("fetch manifest %q: %w", label, r.explain(err))
	}
	return got.raw, cmp.Or(d.MediaType, got.mediaType), nil
}

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

var errTooLarge = fmt.Errorf("the answer has more than %d bytes", artifact.MaxManifest)

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
		return 0, errTooLarge
	}
	return n, err
}
