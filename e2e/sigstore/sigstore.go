// Package sigstore is a private Sigstore on loopback, for programs that sign as somebody without a key of their own, and for those that
// verify it: no internet is needed.
//
//   - [For] starts one: a certificate authority (Fulcio, second version of its API), a transparency log (Rekor, first version), a timestamp
//     authority (RFC 3161) and an OpenID provider.
//   - [Sigstore.Token] is what somebody logs in with; [Sigstore.TrustedRoot] and [Sigstore.SigningConfig] are the files that verifiers and
//     signers are told of it with.
//   - [Sigstore.LogIn] says who logs in at the provider; [Sigstore.Pipeline] is what a pipeline asks it with.
//   - [Sigstore.With] is the same Sigstore with another idea of the time, or with a log that vouches for none.
//
// It is honest: the authority checks tokens and that whoever asks has the key, certificates are published in a certificate transparency
// log and hold its promise, the log checks signatures, is a tree and proves what is in it. What it lacks is a memory: it ends with the test.
package sigstore

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/loopback"
)

// Sigstore is a running Sigstore. It is safe for concurrent use.
type Sigstore struct {
	FulcioURL    string // of the certificate authority
	RekorURL     string // of the transparency log
	TimestampURL string // of the timestamp authority, with its path
	IssuerURL    string // of the OpenID provider, and what certificates say vouched for somebody

	clock  Clock
	house  *house
	config []byte
	server *loopback.Server
}

// Clock says what the services take for now: the zero value means the time that it is. Certificates are good for ten minutes.
type Clock struct {
	Issued   time.Time // when certificates begin
	Logged   time.Time // when entries come into the log
	Stamped  time.Time // when timestamps are made
	Timeless bool      // the log proves what is in it, but not since when
}

// house is what all clocks have in common.
type house struct {
	authority *authority
	provider  *provider
	desk      *desk
	log       *transparency
	stamper   *stamper
	root      []byte // trusted_root.json
}

func newHouse() (*house, error) {
	h := &house{desk: newDesk()}
	var err error
	if h.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	if h.provider, err = newProvider(); err != nil {
		return nil, err
	}
	if h.log, err = newTransparency(); err != nil {
		return nil, err
	}
	h.stamper, err = newStamper(h.authority)
	return h, err
}

// Start starts a Sigstore; ctx is not kept. Stop must be called.
func Start(ctx context.Context) (*Sigstore, error) {
	h, err := newHouse()
	if err != nil {
		return nil, fmt.Errorf("start sigstore: %w", err)
	}
	s := &Sigstore{house: h}
	if err := s.serve(ctx); err != nil {
		return nil, fmt.Errorf("start sigstore: %w", err)
	}
	h.provider.issuer = s.IssuerURL
	if h.root, err = s.trustedRoot(); err == nil {
		s.config, err = s.signingConfig()
	}
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("start sigstore: %w", err)
	}
	return s, nil
}

// For is Start until the end of the test.
func For(t testing.TB) *Sigstore {
	t.Helper()
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Stop closes ports and connections.
func (s *Sigstore) Stop() { s.server.Close() }

// With is the same Sigstore at other addresses, with another clock, until the end of the test. Its tokens, its root and its issuer
// are those of the first.
func (s *Sigstore) With(t testing.TB, c Clock) *Sigstore {
	t.Helper()
	other := &Sigstore{clock: c, house: s.house}
	if err := other.serve(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Stop)
	other.IssuerURL = s.IssuerURL
	var err error
	if other.config, err = other.signingConfig(); err != nil {
		t.Fatal(err)
	}
	return other
}

// TrustedRoot is the trusted_root.json that a verifier needs.
func (s *Sigstore) TrustedRoot() []byte { return s.house.root }

// SigningConfig is the file that cosign's --signing-config is for.
func (s *Sigstore) SigningConfig() []byte { return s.config }

func (s *Sigstore) serve(ctx context.Context) (err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/signingCert", s.certifyKey)
	mux.HandleFunc("POST /api/v1/log/entries", s.addEntry)
	mux.HandleFunc("GET /api/v1/log/entries", s.entryByIndex)
	mux.HandleFunc("GET /api/v1/log/entries/{uuid}", s.entryByID)
	mux.HandleFunc("POST /api/v1/timestamp", s.timestamp)
	mux.HandleFunc("GET /.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("GET /keys", s.keys)
	mux.HandleFunc("GET /auth", s.authorize)
	mux.HandleFunc("POST /device", s.device)
	mux.HandleFunc("POST /token", s.exchange)
	mux.HandleFunc("GET /actions", s.actions)
	if s.server, err = loopback.Serve(ctx, mux, loopback.Options{}); err != nil {
		return err
	}
	base := "http://" + s.server.Addr
	s.FulcioURL, s.RekorURL, s.TimestampURL, s.IssuerURL = base, base, base+"/api/v1/timestamp", base
	return nil
}

// or is the time that it is unless the clock says something.
func or(at time.Time) time.Time {
	if at.IsZero() {
		return time.Now()
	}
	return at
}
