// Package gateway is an HTTP proxy, as companies have them: it makes registries on loopback reachable under any host name, for
// programs that HTTP_PROXY and HTTPS_PROXY point to it. So a test sees what clients do with hosts that are not local: loopback
// hosts are spoken to more freely.
//
// It knows the names that it was told, and no others. A [Service] leads to programs of which several do the same.
package gateway

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"

	"github.com/kubectl-oci/kubectl-oci/e2e/loopback"
)

// Gateway is a running gateway. It is safe for concurrent use.
type Gateway struct {
	server *loopback.Server

	mu     sync.Mutex
	hosts  map[string]string
	login  string // in the form of the header; empty: nobody has to
	passed map[string]int
}

// Start starts a gateway; ctx is not kept. Stop must be called.
func Start(ctx context.Context) (*Gateway, error) {
	g := &Gateway{hosts: map[string]string{}, passed: map[string]int{}}
	server, err := loopback.Serve(ctx, g, loopback.Options{})
	if err != nil {
		return nil, fmt.Errorf("start gateway: %w", err)
	}
	g.server = server
	return g, nil
}

// Stop closes the port and all connections.
func (g *Gateway) Stop() { g.server.Close() }

// Env is the environment of a program that goes through the gateway.
func (g *Gateway) Env() []string {
	return []string{"HTTP_PROXY=" + g.URL(), "HTTPS_PROXY=" + g.URL()}
}

// URL is the gateway's own.
func (g *Gateway) URL() string { return "http://" + g.server.Addr }

// Require has the gateway serve nobody but this user.
func (g *Gateway) Require(user, password string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.login = "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// Passed counts the requests and tunnels that led to a host name, of those that were let in.
func (g *Gateway) Passed(name string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed[name]
}

// Route has all ports of a host name lead to an address, host:port.
func (g *Gateway) Route(name, to string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hosts[name] = to
}

// ServeHTTP forwards a request, or tunnels.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	to, known, welcome := g.enter(r)
	switch {
	case !welcome:
		w.Header().Set("Proxy-Authenticate", `Basic realm="gateway"`)
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
	case !known:
		http.Error(w, "unknown host", http.StatusBadGateway)
	case r.Method == http.MethodConnect:
		tunnel(r.Context(), w, to)
	default:
		forward(to).ServeHTTP(w, r)
	}
}

// enter tells where a request leads, and whether it may.
func (g *Gateway) enter(r *http.Request) (to string, known, welcome bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.login != "" && r.Header.Get("Proxy-Authorization") != g.login {
		return "", false, false
	}
	g.passed[r.URL.Hostname()]++
	to, known = g.hosts[r.URL.Hostname()]
	return to, known, true
}

func forward(to string) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.Out.Host = p.In.URL.Host
		p.Out.URL.Scheme, p.Out.URL.Host = "http", to
	}}
}

// tunnel passes bytes on until both sides are done.
func tunnel(ctx context.Context, w http.ResponseWriter, to string) {
	var dialer net.Dialer
	there, err := dialer.DialContext(ctx, "tcp", to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	join(&early{here, buffered}, there)
}

// early is a connection of which some bytes have been read already.
type early struct {
	net.Conn

	buffered io.Reader
}

func (e *early) Read(p []byte) (int, error) { return e.buffered.Read(p) }
