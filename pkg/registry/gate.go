package registry

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// gate is how everything of a session leaves: to the registry, to its token service, to where it redirects. It keeps requests from
// a registry that asked to be left alone, whichever of these asked, and plain HTTP from where it was not allowed.
type gate struct {
	host     string // the registry
	insecure bool
	next     http.RoundTripper

	mu    sync.Mutex
	until time.Time
}

const (
	// For a registry that says "too many requests" and not until when.
	defaultPause = 15 * time.Second
	// However short a pause it names, even none: what it says is still "too many".
	minPause = time.Second
	// However long a registry asks for: a broken clock there must not stop polling for days.
	maxPause = time.Hour
)

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "http" && !g.insecure && !loopback(req.URL.Host) {
		return nil, fmt.Errorf("registry %q leads to %q over plain HTTP, which is not allowed", g.host, req.URL.Host)
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if limited := g.note(resp); limited != nil {
		drain(resp)
		return nil, limited
	}
	return resp, nil
}

func (g *gate) check() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().Before(g.until) {
		return &RateLimitError{Host: g.host, Until: g.until}
	}
	return nil
}

// note reads the answer's status: 429 closes the gate, and 503 where it says for how long. Otherwise nil.
func (g *gate) note(resp *http.Response) *RateLimitError {
	pause, named := retryAfter(resp.Header.Get("Retry-After"), time.Now())
	if resp.StatusCode != http.StatusTooManyRequests && !(resp.StatusCode == http.StatusServiceUnavailable && named) {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(pause); until.After(g.until) {
		g.until = until
	}
	return &RateLimitError{Host: g.host, Until: g.until}
}

// retryAfter reads the header of that name: seconds, or a date (RFC 9110, section 10.2.3).
func retryAfter(header string, now time.Time) (pause time.Duration, named bool) {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return clamp(time.Duration(seconds) * time.Second), true
	}
	if at, err := http.ParseTime(header); err == nil {
		return clamp(at.Sub(now)), true
	}
	return defaultPause, false
}

func clamp(pause time.Duration) time.Duration { return min(max(pause, minPause), maxPause) }
