package registry

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// gate keeps requests from a registry that asked to be left alone.
type gate struct {
	mu    sync.Mutex
	until time.Time
}

const (
	// For a registry that says "too many requests" and not until when.
	defaultPause = 15 * time.Second
	// However long a registry asks for: a broken clock there must not stop polling for days.
	maxPause = time.Hour
)

func (g *gate) check(host string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().Before(g.until) {
		return &RateLimitError{Host: host, Until: g.until}
	}
	return nil
}

// note reads the answer's status: 429 closes the gate, and 503 where it says for how long. Otherwise nil.
func (g *gate) note(host string, resp *http.Response) *RateLimitError {
	pause, named := retryAfter(resp.Header.Get("Retry-After"), time.Now())
	if resp.StatusCode != http.StatusTooManyRequests && !(resp.StatusCode == http.StatusServiceUnavailable && named) {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(pause); until.After(g.until) {
		g.until = until
	}
	return &RateLimitError{Host: host, Until: g.until}
}

// retryAfter reads the header of that name: seconds, or a date (RFC 9110, section 10.2.3).
func retryAfter(header string, now time.Time) (pause time.Duration, named bool) {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxPause), true
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), maxPause), true
	}
	return defaultPause, false
}
