package registry

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// mount asks the registry to take blobs over from another of its repositories. It has requests of its own, for which a token is good
// in both repositories: whoever may not read there can still push.
type mount struct {
	from    string // path of the repository
	via     http.RoundTripper
	refused atomic.Bool // it is of no use to ask again
}

// mountScope is what mounting needs beside scope: two of them, separated by a space.
func mountScope(scope string, from name.Repository) string {
	return scope + " " + from.Scope(transport.PullScope)
}

// take tells whether the repository has the blob now. Whatever keeps it from that, sending the blob is the answer to it.
func (m *mount) take(ctx context.Context, repo name.Repository, d ocispec.Descriptor) bool {
	if m == nil || m.refused.Load() {
		return false
	}
	address := url.URL{
		Scheme: "https", Host: repo.RegistryStr(), // the session knows better
		Path:     "/v2/" + repo.RepositoryStr() + "/blobs/uploads/",
		RawQuery: url.Values{"mount": {d.Digest.String()}, "from": {m.from}}.Encode(),
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), nil)
	if err != nil {
		return false
	}
	resp, err := (&http.Client{Transport: m.via}).Do(req)
	if err != nil {
		return false
	}
	defer drain(resp)
	switch resp.StatusCode {
	case http.StatusCreated:
		return true
	case http.StatusAccepted: // it began an upload instead, which nobody will go on with
		m.cancel(ctx, resp)
	case http.StatusUnauthorized, http.StatusForbidden:
		m.refused.Store(true)
	}
	return false
}

// cancel ends an upload. A registry that does not know how forgets it some day.
func (m *mount) cancel(ctx context.Context, begun *http.Response) {
	location, err := begun.Location()
	if err != nil || location.Hostname() != begun.Request.URL.Hostname() {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, location.String(), nil)
	if err != nil {
		return
	}
	if resp, err := (&http.Client{Transport: m.via}).Do(req); err == nil {
		drain(resp)
	}
}

func newMount(to name.Repository, pushing *chain, a Access, o Options) (*mount, error) {
	from, err := name.NewRepository(to.RegistryStr()+"/"+a.Mount, name.StrictValidation)
	if err != nil {
		return nil, err
	}
	both := &chain{sessions: pushing.sessions, accepted: newCounter(), scope: mountScope(pushing.scope, from)}
	r, err := newRepository(Reference{}, to, both, a, o)
	if err != nil {
		return nil, err
	}
	return &mount{from: from.RepositoryStr(), via: r.bounded}, nil
}
