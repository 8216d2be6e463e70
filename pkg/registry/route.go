package registry

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// routeKey tells what may share connections from what may not.
type routeKey struct {
	host     string
	insecure bool
	secrets  [sha256.Size]byte // TLS material and proxy
	reach    Reach
}

func (a Access) routeKey(host string) routeKey {
	return routeKey{host, a.Insecure, fingerprint([]any{a.TLS, a.Proxy}), a.Reach}
}

// route is how requests get to a registry and to where it leads: connections, directly or through a proxy.
type route struct {
	proxyOf func(*http.Request) (*url.URL, error) // nil for a request that goes directly
	reach   Reach
	direct  *http.Transport
	proxied *http.Transport
}

func newRoute(a Access) (*route, error) {
	config, err := a.TLS.config(a.Insecure)
	if err != nil {
		return nil, err
	}
	r := &route{proxyOf: http.ProxyFromEnvironment, reach: a.Reach}
	toProxy := Reach{} // the administrator chose the environment's
	if a.Proxy != (Proxy{}) {
		proxy, err := a.Proxy.url()
		if err != nil {
			return nil, err
		}
		r.proxyOf, toProxy = http.ProxyURL(proxy), a.Reach
	}
	r.direct = newTransport(a.Reach)
	r.direct.TLSClientConfig = config
	r.proxied = newTransport(toProxy)
	r.proxied.TLSClientConfig = config.Clone()
	r.proxied.Proxy = func(req *http.Request) (*url.URL, error) { return r.proxyOf(req) }
	r.proxied.OnProxyConnectResponse = connected
	return r, nil
}

func (r *route) RoundTrip(req *http.Request) (*http.Response, error) {
	proxy, err := r.proxyOf(req)
	switch {
	case err != nil:
		return nil, errors.New("the environment names a proxy by an address that is none") // err quotes it, with its password
	case proxy == nil:
		return r.direct.RoundTrip(req)
	}
	if err := r.reach.checkLiteral(req.URL.Hostname()); err != nil {
		return nil, err
	}
	resp, err := r.proxied.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusProxyAuthRequired {
		drain(resp)
		return nil, proxyError(proxy, resp.StatusCode)
	}
	return resp, err
}

// close gives up the connections that nobody uses now.
func (r *route) close() {
	r.direct.CloseIdleConnections()
	r.proxied.CloseIdleConnections()
}

const (
	// Enough for downloads and polls side by side, few enough to be a polite guest.
	maxConnections = 16
	// Longer than the usual interval, so that a poll finds its connection open.
	idleConnection = 15 * time.Minute
	connectTimeout = 30 * time.Second
	maxHeaderBytes = 64 << 10
)

func newTransport(reach Reach) *http.Transport {
	return &http.Transport{
		DialContext:            reach.dial,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        maxConnections,
		MaxIdleConnsPerHost:    maxConnections,
		IdleConnTimeout:        idleConnection,
		TLSHandshakeTimeout:    connectTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}
