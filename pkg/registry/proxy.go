package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Proxy is who passes requests on to a registry: by CONNECT for https, else as they are. The zero value: the one that the
// environment names (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), which this one takes the place of.
type Proxy struct {
	Address  string // http://host:port or https://host:port; a user in it counts where Username is empty
	Username string // empty: no authentication
	Password string
}

// String is the proxy's host, without any secret.
func (p Proxy) String() string {
	if p == (Proxy{}) {
		return "of the environment"
	}
	u, err := p.url()
	if err != nil {
		return "malformed"
	}
	return u.Host
}

// GoString is [Proxy.String]: %#v shows no secret either.
func (p Proxy) GoString() string { return p.String() }

// Check says what makes the proxy unusable, and shows no secret.
func (p Proxy) Check() error {
	_, err := p.url()
	return err
}

// url never quotes the address in an error: it may hold a password.
func (p Proxy) url() (*url.URL, error) {
	u, err := url.Parse(p.Address)
	switch {
	case p.Address == "":
		return nil, errors.New("the proxy has no address")
	case err != nil || u.Hostname() == "":
		return nil, errors.New("the proxy's address is not of the form http://host:port")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the proxy's address begins with %q, not with http:// or https://", u.Scheme+":")
	}
	if p.Username != "" {
		u.User = url.UserPassword(p.Username, p.Password)
	}
	return u, nil
}

// proxyError says that a proxy answered in the registry's place.
func proxyError(proxy *url.URL, code int) error {
	return fmt.Errorf("proxy %q answers %d %s", proxy.Host, code, http.StatusText(code))
}

// connected reads a proxy's answer to CONNECT. What else the proxy says of it stays out: it may be anything.
func connected(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return proxyError(proxy, answer.StatusCode)
}
