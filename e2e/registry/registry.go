// Package registry runs a real distribution registry in this process, behind a proxy that counts and injects faults.
//
// Clients use Host: plain HTTP or TLS, no authentication, htpasswd or tokens, as the options say. Direct is a back door
// for whoever arranges a test: plain HTTP, everything permitted, nothing counted, no faults. Deleting is enabled. Distribution
// 3.1 has no referrers API: it answers 404 there, and clients fall back to tags, unless the options ask for one, which is ours.
package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/handlers"

	"github.com/kubectl-oci/kubectl-oci/e2e/loopback"
	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
)

// Auth is a way to authenticate.
type Auth string

// The ways to authenticate.
const (
	None  Auth = ""
	Basic Auth = "basic" // htpasswd
	Token Auth = "token" // bearer tokens from proxy.TokenPath on the same host
)

// Options of a registry. The zero value is plain HTTP without authentication and keeps blobs in memory.
type Options struct {
	Dir   string // blobs are kept below this folder; empty: in memory
	TLS   bool   // with a certificate of an authority of its own, see Registry.CA
	HTTP2 bool   // offer it beside HTTP/1.1; with TLS only

	Referrers bool // with the referrers API; it forgets them when it ends

	Auth          Auth
	Users         []User
	AnonymousPull bool          // everybody may pull; Token only
	TokenLife     time.Duration // 0: 5 minutes; kept to the moment, though told in whole seconds
	SilentExpiry  bool          // token answers lack expires_in
}

// Registry is a running registry.
type Registry struct {
	Host   string // host:port of the proxy
	Direct string // host:port of the back door
	Admin  string // base URL of the proxy's Admin
	CA     []byte // PEM of the authority to trust; nil without TLS
	Proxy  *proxy.Proxy

	options    Options
	users      users
	tokens     *tokens // nil unless Token
	root       User    // who the back door is
	state      string  // folder of key and password files; empty: none was needed
	generation int     // of the password file
	app        *handlers.App
	servers    []*loopback.Server
}

// Start starts a registry; ctx is not kept. Stop must be called.
func Start(ctx context.Context, o Options) (*Registry, error) {
	r := &Registry{options: o, root: newRoot()}
	if err := r.start(ctx); err != nil {
		r.Stop()
		return nil, fmt.Errorf("start registry: %w", err)
	}
	return r, nil
}

// For is Start until the end of the test.
func For(t testing.TB, o Options) *Registry {
	t.Helper()
	r, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// Stop closes ports and connections, and forgets what was in memory; blobs in a folder stay.
func (r *Registry) Stop() {
	for _, s := range r.servers {
		s.Close()
	}
	if r.app != nil {
		_ = r.app.Shutdown() // has an error for pull-through caches only
	}
	if r.state != "" {
		os.RemoveAll(r.state)
	}
}

// URL is the scheme and host that clients use.
func (r *Registry) URL() string {
	if r.options.TLS {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Transport returns a new transport that trusts CA. It takes no proxy from the environment.
func (r *Registry) Transport() *http.Transport {
	t := &http.Transport{ForceAttemptHTTP2: r.options.HTTP2}
	if r.CA != nil {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(r.CA)
		t.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return t
}

// SetUsers replaces the users from the next request on. Tokens that were issued stay valid: see RevokeTokens.
func (r *Registry) SetUsers(list []User) error {
	r.users.set(list)
	if r.options.Auth != Basic {
		return nil
	}
	r.generation++
	return writeHtpasswd(r.passwords(), append([]User{r.root}, list...), r.generation)
}

// RevokeTokens makes all tokens that were issued so far invalid.
func (r *Registry) RevokeTokens() {
	if r.tokens != nil {
		r.tokens.revoke()
	}
}

func (r *Registry) start(ctx context.Context) error {
	certificate, err := r.certificate()
	if err != nil {
		return err
	}
	back, front, err := r.handlers(ctx)
	if err != nil {
		return err
	}
	r.Proxy = proxy.New(front)
	server, err := r.Proxy.Serve(ctx, certificate, r.options.HTTP2)
	if err != nil {
		return err
	}
	r.servers = append(r.servers, server)
	r.Host = server.Addr
	if r.Direct, err = r.serve(ctx, back); err != nil {
		return err
	}
	admin, err := r.serve(ctx, r.Proxy.Admin())
	r.Admin = "http://" + admin
	return err
}

func (r *Registry) serve(ctx context.Context, h http.Handler) (string, error) {
	server, err := loopback.Serve(ctx, h, loopback.Options{})
	if err != nil {
		return "", err
	}
	r.servers = append(r.servers, server)
	return server.Addr, nil
}

// certificate returns nil without TLS.
func (r *Registry) certificate() (*tls.Certificate, error) {
	if !r.options.TLS {
		return nil, nil
	}
	ca, err := pki.NewCA("testbed registry authority")
	if err != nil {
		return nil, err
	}
	pair, err := ca.Issue(pki.Subject{Name: "testbed registry"})
	if err != nil {
		return nil, err
	}
	r.CA = ca.Cert
	certificate, err := pair.TLS()
	return &certificate, err
}
