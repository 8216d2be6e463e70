// Package proxy stands between clients and a registry. It counts requests, answers, connections and bytes, and makes
// chosen requests fail the way networks and registries do. Bodies pass through as they come, in either direction: nothing
// is kept in memory and nothing is changed that no fault asks for.
//
// A test takes Counts before and after, waits for an event with Wait, and puts faults in place with Inject or During. A shell
// does the same through Admin.
package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/loopback"
)

// Proxy is an http.Handler in front of another one. It is safe for concurrent use.
type Proxy struct {
	next http.Handler

	mu      sync.Mutex
	counts  Counts
	changed chan struct{} // closed and replaced whenever counts change
	faults  []*Injection
	lastID  int
}

// New returns a proxy in front of next.
func New(next http.Handler) *Proxy {
	return &Proxy{
		next:    next,
		counts:  Counts{Requests: map[string]int{}, Responses: map[int]int{}},
		changed: make(chan struct{}),
	}
}

// Serve puts the proxy on a free loopback port, and counts connections there. certificate is nil for plain HTTP.
func (p *Proxy) Serve(ctx context.Context, certificate *tls.Certificate, http2 bool) (*loopback.Server, error) {
	o := loopback.Options{HTTP2: http2, Observe: func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			p.count(func(c *Counts) { c.Connections++ })
		}
	}}
	if certificate != nil {
		o.TLS = &tls.Config{
			Certificates: []tls.Certificate{*certificate},
			VerifyConnection: func(tls.ConnectionState) error {
				p.count(func(c *Counts) { c.Handshakes++ })
				return nil
			},
		}
	}
	return loopback.Serve(ctx, p, o)
}

// Counts returns what was counted so far.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts.clone()
}

// Wait blocks until the counts satisfy done, and returns them, or until ctx ends.
func (p *Proxy) Wait(ctx context.Context, done func(Counts) bool) (Counts, error) {
	for {
		p.mu.Lock()
		counts, changed := p.counts.clone(), p.changed
		p.mu.Unlock()
		if done(counts) {
			return counts, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return counts, fmt.Errorf("wait for requests, seen %v: %w", counts, context.Cause(ctx))
		}
	}
}

// Inject puts a fault in place. Of several that match a request the oldest applies, alone.
func (p *Proxy) Inject(f Fault) (*Injection, error) {
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("inject fault: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastID++
	i := &Injection{ID: p.lastID, Fault: f, proxy: p, removed: make(chan struct{})}
	p.faults = append(p.faults, i)
	return i, nil
}

// During is Inject until the end of the test.
func (p *Proxy) During(t testing.TB, f Fault) *Injection {
	t.Helper()
	i, err := p.Inject(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Remove)
	return i
}

// Faults returns the faults in place, used up or not, oldest first.
func (p *Proxy) Faults() []*Injection {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.faults)
}

// Clear removes all faults.
func (p *Proxy) Clear() {
	for _, i := range p.Faults() {
		i.Remove()
	}
}

// ServeHTTP counts the request and passes it on, or lets it fail.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.count(func(c *Counts) { c.Requests[r.Method+" "+string(RouteOf(r).Kind)]++ })
	e := &exchange{ResponseWriter: w, proxy: p, request: r, injection: p.meets(r)}
	r.Body = &upload{ReadCloser: r.Body, exchange: e}
	if e.injection != nil && !e.begin() {
		return
	}
	p.next.ServeHTTP(e, r)
	if e.status == 0 { // the handler left the status to net/http
		e.WriteHeader(http.StatusOK)
	}
}

// meets returns the fault that a request has met, or nil.
func (p *Proxy) meets(r *http.Request) *Injection {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.faults {
		if i.take(r) {
			return i
		}
	}
	return nil
}

func (p *Proxy) remove(i *Injection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.Index(p.faults, i)
	if at < 0 {
		return
	}
	p.faults = slices.Delete(p.faults, at, at+1)
	close(i.removed)
}

func (p *Proxy) count(change func(*Counts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.counts)
	close(p.changed)
	p.changed = make(chan struct{})
}

// pause waits for d; it reports false when the client has gone or the fault was removed before.
func (i *Injection) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-i.removed:
		return true
	case <-ctx.Done():
		return false
	}
}

// hang waits until the client has gone or the fault was removed.
func (i *Injection) hang(ctx context.Context) {
	select {
	case <-i.removed:
	case <-ctx.Done():
	}
}
