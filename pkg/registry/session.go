package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/singleflight"
)

// session is one credential at one registry: how the registry wants to be authenticated, and a token per scope. Both are
// learned once, however many requests wait for them.
type session struct {
	registry   name.Registry
	insecure   bool
	credential Credential
	gate       *gate

	flight singleflight.Group

	mu        sync.Mutex
	challenge *transport.Challenge // nil: not asked yet
	tokens    map[string]token     // by scope
}

func newSession(reg name.Registry, insecure bool, credential Credential, governor *governor, next http.RoundTripper) *session {
	return &session{
		registry:   reg,
		insecure:   insecure,
		credential: credential,
		gate:       &gate{governor, insecure, next},
		tokens:     map[string]token{},
	}
}

// exchangeTimeout bounds a ping or a token request. It is not the first caller's timeout: others wait for the same answer.
const exchangeTimeout = 30 * time.Second

// do sends a request that needs scope. It tries once more where the registry no longer takes what we know: a revoked token, another
// way to authenticate, https in place of http.
func (s *session) do(req *http.Request, scope string) (*http.Response, error) {
	resp, auth, err := s.send(req, scope)
	if !outdated(req.Context(), auth, resp, err) || !s.forget(req.Context(), auth, scope) || !replayable(req) {
		return resp, err
	}
	if resp != nil {
		drain(resp)
	}
	if err := rewind(req); err != nil {
		return nil, err
	}
	resp, _, err = s.send(req, scope)
	return resp, err
}

// outdated tells whether what a request was sent with may be to blame for how it ended. Over plain http that is nearly everything: a
// registry that changed to https gives 400 or breaks off.
func outdated(ctx context.Context, sent authorization, resp *http.Response, err error) bool {
	switch {
	case sent.challenge == nil || ctx.Err() != nil:
		return false
	case err != nil:
		_, limited := errors.AsType[*RateLimitError](err)
		_, plain := errors.AsType[tls.RecordHeaderError](err) // an answer that is not TLS
		return sent.challenge.Insecure && !limited || plain
	default:
		return resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusBadRequest && sent.challenge.Insecure
	}
}

// authorization is what one request was sent with.
type authorization struct {
	challenge *transport.Challenge
	token     string // empty unless the challenge asks for a bearer token
}

func (s *session) send(req *http.Request, scope string) (*http.Response, authorization, error) {
	auth, err := s.authorize(req.Context(), scope)
	if err != nil {
		return nil, auth, err
	}
	req = req.Clone(req.Context())
	req.URL.Scheme = "https"
	if auth.challenge.Insecure {
		req.URL.Scheme = "http"
	}
	switch {
	case auth.token != "":
		req.Header.Set("Authorization", "Bearer "+auth.token)
	case strings.EqualFold(auth.challenge.Scheme, "basic") && s.credential.Username != "":
		req.SetBasicAuth(s.credential.Username, s.credential.Password)
	}
	resp, err := s.gate.RoundTrip(req)
	return resp, auth, err
}

func (s *session) authorize(ctx context.Context, scope string) (authorization, error) {
	challenge, err := s.ping(ctx)
	if err != nil {
		return authorization{}, err
	}
	auth := authorization{challenge: challenge}
	switch {
	case s.credential.RegistryToken != "":
		auth.token = s.credential.RegistryToken
	case strings.EqualFold(challenge.Scheme, "bearer"):
		auth.token, err = s.token(ctx, challenge, scope)
	}
	return auth, err
}

// forget drops what a request was sent with in vain, unless somebody replaced it meanwhile, and tells whether another try can end
// otherwise: with another token, or as the registry wants it now.
func (s *session) forget(ctx context.Context, sent authorization, scope string) bool {
	s.mu.Lock()
	if s.tokens[scope].value == sent.token {
		delete(s.tokens, scope)
	}
	s.mu.Unlock()
	s.distrust(sent.challenge)
	if sent.token != "" && s.credential.RegistryToken == "" {
		return true
	}
	now, err := s.ping(ctx)
	return err == nil && !reflect.DeepEqual(now, sent.challenge)
}

// distrust makes the next request ask anew how the registry wants to be authenticated.
func (s *session) distrust(challenge *transport.Challenge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.challenge == challenge {
		s.challenge = nil
	}
}

func (s *session) ping(ctx context.Context) (*transport.Challenge, error) {
	if known := s.known(); known != nil {
		return known, nil
	}
	return shared(ctx, &s.flight, "ping", func(ctx context.Context) (*transport.Challenge, error) {
		if known := s.known(); known != nil { // since we looked
			return known, nil
		}
		challenge, err := s.knock(ctx)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.challenge = challenge
		return challenge, nil
	})
}

func (s *session) known() *transport.Challenge {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.challenge
}

// knock asks the registry how it wants to be authenticated: over https, and over http only where that is allowed.
func (s *session) knock(ctx context.Context) (*transport.Challenge, error) {
	challenge, err := transport.Ping(ctx, s.registry, &schemeTransport{"https", s.gate})
	if err == nil || !(s.insecure || loopback(s.registry.RegistryStr())) || ctx.Err() != nil {
		return challenge, err
	}
	plain, plainErr := transport.Ping(ctx, s.registry, &schemeTransport{"http", s.gate})
	if plainErr != nil && !errors.Is(err, http.ErrSchemeMismatch) {
		return nil, err
	}
	return plain, plainErr
}

// schemeTransport sends everything over one scheme, whatever the address says. A host on a private network is asked once: the client
// library asks it a second time, for http, where the first answer is slow or an error.
type schemeTransport struct {
	scheme string
	next   http.RoundTripper
}

func (t *schemeTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if redirected := req.Response != nil; req.URL.Scheme == "http" && !redirected {
		return nil, errors.New("asked once already")
	}
	req = req.Clone(req.Context())
	req.URL.Scheme = t.scheme
	return t.next.RoundTrip(req)
}

func loopback(host string) bool {
	hostname := (&url.URL{Host: host}).Hostname()
	if hostname == "localhost" || strings.HasSuffix(hostname, ".localhost") {
		return true
	}
	ip := net.ParseIP(hostname)
	return ip != nil && ip.IsLoopback()
}

func replayable(req *http.Request) bool { return req.Body == nil || req.GetBody != nil }

func rewind(req *http.Request) error {
	if req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	req.Body = body
	return err
}

// drain lets the connection be used again.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBytes)
	_ = resp.Body.Close()
}

const maxErrorBytes = 64 << 10

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
