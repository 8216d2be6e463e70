package registry

import (
	"net/http"
	"sync/atomic"
)

// chain sends a repository's requests with the first of its credentials that the registry accepts.
type chain struct {
	sessions []*session    // in the order to try
	accepted *atomic.Int32 // index of the one that was accepted last; outlives the chain
	taken    atomic.Int32  // the same of this chain's own requests, from 1; 0: none was accepted
	scope    string
}

func (c *chain) RoundTrip(req *http.Request) (*http.Response, error) {
	// A redirect or an upload may lead to another host: it gets no credential of this one.
	start := int(c.accepted.Load())
	if s := c.sessions[start]; req.URL.Host != s.registry.RegistryStr() {
		return s.gate.RoundTrip(req)
	}
	for i := start; ; i++ {
		resp, err := c.sessions[i].do(req, c.scope)
		last := i == len(c.sessions)-1
		switch {
		case !refused(resp, err):
			c.accepted.Store(int32(i))
			if err == nil {
				c.taken.Store(int32(i) + 1)
			}
			return resp, err
		case last || !replayable(req):
			c.taken.Store(0)
			c.accepted.Store(0) // none suffices: the next request tries them all
			return resp, err
		}
		if resp != nil {
			drain(resp)
		}
		if err := rewind(req); err != nil {
			return nil, err
		}
	}
}

// refused tells a credential that does not suffice from every other trouble.
func refused(resp *http.Response, err error) bool {
	if err != nil {
		return IsUnauthorized(err)
	}
	return resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
}
