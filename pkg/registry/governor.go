package registry

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// governor keeps requests from a registry that had enough of those with one credential on one way, and bounds how many it has to answer
// at once. It is safe for concurrent use.
type governor struct {
	host   string
	places chan struct{} // one is taken by each download and each poll that is under way

	mu     sync.Mutex
	until  time.Time // nothing is sent before
	pulls  time.Time // no manifest is fetched before; to ask with HEAD costs nothing of what is granted
	unsaid int       // how often in a row the registry had enough and did not say for how long
}

// defaultConcurrent is enough for downloads and polls side by side, and few enough to be a polite guest.
const defaultConcurrent = 16

func newGovernor(host string, concurrent int) *governor {
	if concurrent <= 0 {
		concurrent = defaultConcurrent
	}
	return &governor{host: host, places: make(chan struct{}, concurrent)}
}

// enter waits for a place, which leave gives back. The error is a [*RateLimitError], or the context's.
func (g *governor) enter(req *http.Request) (leave func(), err error) {
	if err := g.check(req); err != nil {
		return nil, err
	}
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return func() {}, nil // what is uploaded may come out of a download
	}
	leave = func() { <-g.places }
	select {
	case g.places <- struct{}{}:
		return leave, nil
	default:
	}
	// As for a pooled connection: whoever measures how long the registry takes learns that it is not its turn.
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.GetConn != nil {
		trace.GetConn(req.URL.Host)
	}
	select {
	case g.places <- struct{}{}:
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
	if err := g.check(req); err != nil { // since we looked
		leave()
		return nil, err
	}
	return leave, nil
}

func (g *governor) check(req *http.Request) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	until := g.until
	if g.counts(req) && req.Method == http.MethodGet && g.pulls.After(until) {
		until = g.pulls
	}
	if time.Now().Before(until) {
		return &RateLimitError{Host: g.host, Until: until}
	}
	return nil
}

// counts tells whether a registry may tell with the answer what it grants.
func (g *governor) counts(req *http.Request) bool {
	return req.URL.Host == g.host && strings.Contains(req.URL.Path, "/manifests/")
}

// note reads the answer: 429, and 503 where it says for how long, mean that the registry wants to be left alone. Otherwise nil.
func (g *governor) note(req *http.Request, resp *http.Response) *RateLimitError {
	now := time.Now()
	pause, named := retryAfter(resp.Header.Get("Retry-After"), now)
	refused := resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable && named
	g.mu.Lock()
	defer g.mu.Unlock()
	spent := g.counts(req) && g.spend(req.Method, resp.Header, now)
	switch {
	case !refused && g.counts(req):
		g.unsaid = 0
		return nil
	case !refused:
		return nil
	case spent && req.Method == http.MethodGet:
		return &RateLimitError{Host: g.host, Until: g.pulls}
	}
	if !named {
		pause = g.backOff(now)
	}
	if until := now.Add(pause); until.After(g.until) {
		g.until = until
	}
	return &RateLimitError{Host: g.host, Until: g.until}
}

// spend reads what the registry grants still, and tells whether that is nothing. Only a pull puts off the next ones: a poll would put off
// the pull that follows it, each time.
func (g *governor) spend(method string, h http.Header, now time.Time) bool {
	granted, ok := readQuota(h)
	switch {
	case !ok:
		return false
	case granted.left > 0:
		g.pulls = time.Time{}
		return false
	case method == http.MethodGet:
		g.pulls = now.Add(granted.reset)
	}
	return true
}

// backOff doubles the pause each time that the registry had enough after one.
func (g *governor) backOff(now time.Time) time.Duration {
	if now.Before(g.until) {
		return 0 // sent before it had enough
	}
	pause := min(defaultPause<<g.unsaid, maxPause)
	if pause < maxPause {
		g.unsaid++
	}
	return pause
}
