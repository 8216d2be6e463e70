package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Login asks the registry at host whether it takes the first of the access's credentials; required says that it asks for any at all. An error
// that [IsUnauthorized] knows says that it does not.
func (c *Client) Login(ctx context.Context, host string, a Access) (required bool, err error) {
	required, err = c.login(ctx, host, a)
	if err != nil {
		err = translate(err)
		if refused, ok := err.(*StatusError); ok && IsUnauthorized(refused) { //nolint:errorlint // translate made it
			refused.Tried = a.candidates()[:1]
		}
		return required, fmt.Errorf("log in to %q: %w", host, err)
	}
	return required, nil
}

func (c *Client) login(ctx context.Context, host string, a Access) (required bool, err error) {
	reg, err := name.NewRegistry(host, name.StrictValidation)
	if err != nil {
		return false, fmt.Errorf("%q is not a host or host:port", host)
	}
	c.mu.Lock()
	key := a.routeKey(reg.RegistryStr())
	route, err := c.route(key, a)
	if err != nil {
		c.mu.Unlock()
		return false, err
	}
	asked := c.session(key, route, reg, a.candidates()[0])
	c.mu.Unlock()

	chain := &chain{sessions: []*session{asked}, accepted: newCounter()} // without a scope: nobody says yet what he wants to do
	client := &http.Client{Transport: &stallTransport{next: chain, idle: a.timeout()}}
	address := url.URL{Scheme: "https", Host: reg.RegistryStr(), Path: "/v2/"} // the session knows better
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return false, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return false, err
	}
	defer drain(resp)
	known := asked.known()
	return known == nil || known.Scheme != "", transport.CheckError(resp, http.StatusOK)
}
