package registry

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

func isLimited(err error) bool {
	_, ok := errors.AsType[*RateLimitError](err)
	return ok
}

// Whoever answers in a registry's name to those who let him, by their own proxy or authority, says nothing to the others.
func TestForeignAnswersSlowNobody(t *testing.T) {
	t.Parallel()
	rude, ca := serveTLS(t, nil)
	rude.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	honest, honestCA := serveTLS(t, nil)
	plain := serve(t, nil)
	c := NewClient(Options{})
	own := Access{TLS: TLS{CA: ca}, Proxy: Proxy{Address: serveProxy(t, rude, "", "").URL}}
	ask := func(a Access) error {
		_, err := open(t, c, proxiedRef, a).Resolve(t.Context(), "v1")
		return err
	}
	if err := ask(own); !isLimited(err) {
		t.Fatalf("got %v", err)
	}
	for name, other := range map[string]Access{
		"another proxy and authority": {TLS: TLS{CA: honestCA}, Proxy: Proxy{Address: serveProxy(t, honest, "", "").URL}},
		"plain HTTP":                  {Insecure: true, Proxy: Proxy{Address: serveProxy(t, plain, "", "").URL}},
	} {
		if err := ask(other); !IsNotFound(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	insecure := own
	insecure.Insecure = true
	if a, b := governorKey(own.routeKey("h"), Credential{}), governorKey(insecure.routeKey("h"), Credential{}); a == b {
		t.Error("who asks insecurely is one with who does not")
	}
}

// Secrets that change all the time, and objects with hosts that somebody makes up, take bounded memory.
func TestWhatIsKeptIsBounded(t *testing.T) {
	t.Parallel()
	host, ca := serveTLS(t, nil)
	c := NewClient(Options{})
	trusting := func(comment string) Access { return Access{TLS: TLS{CA: append([]byte(comment+"\n"), ca...)}} }
	first := open(t, c, host.ref("org/app"), trusting("0"))
	if _, err := first.Resolve(t.Context(), "v1"); !IsNotFound(err) {
		t.Fatal(err)
	}
	oldest := first.key.routeKey
	for i := range maxRoutes {
		open(t, c, host.ref("org/app"), trusting(fmt.Sprint(i+1)))
	}
	if _, ok := c.routes.entries[oldest]; ok || len(c.routes.entries) > maxRoutes {
		t.Errorf("%d routes, the oldest is among them: %t", len(c.routes.entries), ok)
	}
	if n := len(c.sessions.entries); n > maxRoutes {
		t.Errorf("%d sessions, also of routes that are gone", n)
	}
	if _, err := first.Resolve(t.Context(), "v1"); !IsNotFound(err) {
		t.Errorf("who has a route that is gone: %v", err)
	}
	if n := host.connections.Load(); n != 2 {
		t.Errorf("%d connections: the first one is not closed with its route", n)
	}
	for i := range maxSessions + 1 {
		open(t, c, host.ref("org/app"), Access{Credentials: []Credential{{Username: fmt.Sprint(i), Password: "p"}}})
	}
	if n := len(c.sessions.entries); n > maxSessions {
		t.Errorf("%d sessions", n)
	}
	before := len(c.routes.entries)
	huge := trusting(string(make([]byte, 100*routeUnit)))
	open(t, c, host.ref("org/app"), huge)
	if n := len(c.routes.entries); n > before-99 {
		t.Errorf("beside an authority of %d KiB there are %d routes", len(huge.TLS.CA)>>10, n)
	}
}

// A credential that is renewed is nobody new, and each is used while it counts.
func TestRenewedCredential(t *testing.T) {
	t.Parallel()
	var seen []string
	host := serve(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, password, ok := r.BasicAuth()
			if !ok {
				w.Header().Set("WWW-Authenticate", "Basic")
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			seen = append(seen, password)
			if password == "spent" {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			manifestHead(w, r)
		})
	})
	c := NewClient(Options{})
	as := func(identity, password string) Access {
		return Access{Credentials: []Credential{{Username: "oauth", Password: password, Identity: identity}}}
	}
	ask := func(a Access) error {
		_, err := open(t, c, host.ref("org/app"), a).Resolve(t.Context(), "v1")
		return err
	}
	for _, password := range []string{"first", "second", "spent"} {
		if err := ask(as("me", password)); err != nil && !isLimited(err) {
			t.Error(err)
		}
	}
	if err := ask(as("me", "third")); !isLimited(err) {
		t.Errorf("the registry's word is forgotten with the credential: %v", err)
	}
	if err := ask(as("you", "other")); err != nil {
		t.Errorf("another identity: %v", err)
	}
	if fmt.Sprint(seen) != "[first second spent other]" {
		t.Errorf("sent %q", seen)
	}
	one, after := as("me", "first"), as("me", "second")
	after.After = time.Now()
	if one.Fingerprint() != after.Fingerprint() {
		t.Error("a renewed credential is another way in")
	}
	if one.Fingerprint() == as("you", "first").Fingerprint() || as("", "first").Fingerprint() == as("", "second").Fingerprint() {
		t.Error("different ways in are the same")
	}
	if one.Credentials[0].Password != "first" {
		t.Error("the fingerprint changes the access")
	}
}
