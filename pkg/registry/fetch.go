package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// What a registry sends comes in here and nowhere else, and what was asked for by digest leaves here with that digest: no header says
// what bytes are. The client library, which believes one for an old kind of manifest, reads nothing for us but the answers to HEAD.

// maxRedirects is how often a request may be sent elsewhere.
const maxRedirects = 10

// get asks for what the repository has under path, which begins with manifests/ or blobs/. The caller closes the body.
func (r *Repository) get(ctx context.Context, rt http.RoundTripper, path string, accept ...string) (*http.Response, error) {
	address := url.URL{
		Scheme: "https", // the session knows better
		Host:   r.repo.RegistryStr(),
		Path:   "/v2/" + r.repo.RepositoryStr() + "/" + path,
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	if len(accept) > 0 {
		req.Header.Set("Accept", strings.Join(accept, ","))
	}
	resp, err := (&http.Client{Transport: rt, CheckRedirect: r.checkRedirect}).Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, transport.CheckError(resp, http.StatusOK)
}

// checkRedirect keeps a registry from leading to where [Access.Reach] does not allow it, behind a proxy as well. Where nobody said what it
// allows, a registry leads to no address of the network that we are in, where that is written as such.
func (r *Repository) checkRedirect(req *http.Request, via []*http.Request) error {
	to := req.URL.Hostname()
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case to == via[0].URL.Hostname():
		return nil
	case r.reach != Reach{}:
		return r.reach.checkLiteral(to)
	}
	if err := (Reach{Public: true}).checkLiteral(to); err != nil {
		return fmt.Errorf("it leads to %q, which is no public address", to)
	}
	return nil
}

// fetched is a manifest or index as it came.
type fetched struct {
	raw       []byte
	mediaType string // what the registry says that it is
}

func (f fetched) descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: f.mediaType, Digest: digest.FromBytes(f.raw), Size: int64(len(f.raw))}
}

// fetch gets the manifest that ref names. Where that is a digest, it is what the bytes have.
func (r *Repository) fetch(ctx context.Context, ref name.Reference) (fetched, error) {
	resp, err := r.get(ctx, r.bounded, "manifests/"+ref.Identifier(),
		artifact.ManifestOCI, artifact.IndexOCI, artifact.ManifestDocker, artifact.IndexDocker)
	if err != nil {
		return fetched{}, err
	}
	defer resp.Body.Close()
	got := fetched{mediaType: resp.Header.Get("Content-Type")}
	got.raw, err = io.ReadAll(resp.Body)
	if errors.Is(err, errTooLarge) {
		err = &UnusableError{err} // an error's page is smaller
	}
	if err != nil {
		return fetched{}, err
	}
	if _, ok := ref.(name.Digest); ok && got.descriptor().Digest.String() != ref.Identifier() {
		return fetched{}, &DigestError{}
	}
	return got, nil
}

// checkDigest tells what we can hash from what would say nothing.
func checkDigest(d digest.Digest) error {
	if err := d.Validate(); err != nil || d.Algorithm() != digest.SHA256 {
		return fmt.Errorf("%.100q is no sha256 digest", d)
	}
	return nil
}
