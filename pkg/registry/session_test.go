package registry

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// An unchanged tag costs one HEAD: what was learned with the first poll is kept for all that follow.
func TestPollIsOneRequest(t *testing.T) {
	t.Parallel()
	auth := &tokenAuth{}
	host := serve(t, auth.wrap)
	c := NewClient(Options{})
	want := push(t, open(t, c, host.ref("org/app"), Access{Push: true})).manifest
	if _, err := open(t, c, host.ref("org/app"), Access{}).Resolve(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	host.take()
	before, issued := host.connections.Load(), auth.issued
	for range 10 {
		got, err := open(t, c, host.ref("org/app"), Access{}).Resolve(t.Context(), "v1")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("descriptor (-want +got):\n%s", diff)
		}
	}
	requests := host.take()
	for _, r := range requests {
		if r != "HEAD /v2/org/app/manifests/v1" {
			t.Errorf("a poll sends %s", r)
		}
	}
	if n := len(requests); n != 10 {
		t.Errorf("10 polls send %d requests", n)
	}
	if n := host.connections.Load() - before; n != 0 {
		t.Errorf("10 polls open %d connections", n)
	}
	if n := auth.issued - issued; n != 0 {
		t.Errorf("10 polls need %d tokens", n)
	}
}

func TestTokensAreAskedForOncePerRepository(t *testing.T) {
	t.Parallel()
	auth := &tokenAuth{}
	host := serve(t, auth.wrap)
	c := NewClient(Options{})
	var wg sync.WaitGroup
	for range 8 {
		for _, name := range []string{"org/a", "org/b"} {
			wg.Go(func() {
				_, err := open(t, c, host.ref(name), Access{}).Resolve(t.Context(), "v1")
				if !IsNotFound(err) {
					t.Errorf("resolve in an empty repository: %v", err)
				}
			})
		}
	}
	wg.Wait()
	if auth.issued != 2 {
		t.Errorf("two repositories need %d tokens: %q", auth.issued, auth.scopes)
	}
	pings := 0
	for _, r := range host.take() {
		if r == "GET /v2/" {
			pings++
		}
	}
	if pings != 1 {
		t.Errorf("one registry is pinged %d times", pings)
	}
}

func TestRevokedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	auth := &tokenAuth{}
	host := serve(t, auth.wrap)
	c := NewClient(Options{})
	push(t, open(t, c, host.ref("org/app"), Access{Push: true}))
	poll := func() error {
		_, err := open(t, c, host.ref("org/app"), Access{}).Resolve(t.Context(), "v1")
		return err
	}
	if err := poll(); err != nil {
		t.Fatal(err)
	}
	issued := auth.issued
	auth.revoke()
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if err := poll(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := auth.issued - issued; n != 1 {
		t.Errorf("32 polls on a revoked token ask for %d new ones", n)
	}
}

func TestRegistryThatStartsToAskForTokens(t *testing.T) {
	t.Parallel()
	auth := &tokenAuth{}
	var mu sync.Mutex
	protected := false
	host := serve(t, func(next http.Handler) http.Handler {
		guarded := auth.wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			p := protected
			mu.Unlock()
			if p {
				guarded.ServeHTTP(w, r)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	})
	c := NewClient(Options{})
	push(t, open(t, c, host.ref("org/app"), Access{Push: true}))
	mu.Lock()
	protected = true
	mu.Unlock()
	if _, err := open(t, c, host.ref("org/app"), Access{}).Resolve(t.Context(), "v1"); err != nil {
		t.Error(err)
	}
}

func TestCredentialsAreTriedInOrder(t *testing.T) {
	t.Parallel()
	auth := &tokenAuth{user: "good", password: "pw"}
	host := serve(t, auth.wrap)
	c := NewClient(Options{})
	good, bad := Credential{Username: "good", Password: "pw"}, Credential{Username: "bad", Password: "pw"}
	push(t, open(t, c, host.ref("org/app"), Access{Push: true, Credentials: []Credential{good}}))
	both := Access{Credentials: []Credential{bad, good}}
	if _, err := open(t, c, host.ref("org/app"), both).Resolve(t.Context(), "v1"); err != nil {
		t.Fatalf("the second credential is good: %v", err)
	}
	host.take()
	if _, err := open(t, c, host.ref("org/app"), both).Resolve(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	if got := host.take(); len(got) != 1 {
		t.Errorf("the accepted credential is not remembered: %q", got)
	}
	_, err := open(t, c, host.ref("org/app"), Access{Credentials: []Credential{bad}}).Resolve(t.Context(), "v1")
	if !IsUnauthorized(err) {
		t.Errorf("a bad credential gives %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "pw") {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestBasicAuthentication(t *testing.T) {
	t.Parallel()
	host := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
				w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	c := NewClient(Options{})
	a := Access{Push: true, Credentials: []Credential{{Username: "u", Password: "p"}}}
	push(t, open(t, c, host.ref("org/app"), a))
	if _, err := open(t, c, host.ref("org/app"), Access{}).Resolve(t.Context(), "v1"); !IsUnauthorized(err) {
		t.Errorf("anonymous gets %v", err)
	}
}

// Blobs are often elsewhere: the credential stays with the registry it was given for.
func TestRedirectGetsNoCredential(t *testing.T) {
	t.Parallel()
	var leaked string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		leaked = r.Header.Get("Authorization")
	}))
	t.Cleanup(elsewhere.Close)
	host := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("Authorization") == "":
				w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
				w.WriteHeader(http.StatusUnauthorized)
			case strings.Contains(r.URL.Path, "/blobs/") && r.Method == http.MethodGet:
				http.Redirect(w, r, elsewhere.URL+"/blob?signature=hunter2", http.StatusTemporaryRedirect)
			default:
				next.ServeHTTP(w, r)
			}
		})
	})
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true, Credentials: []Credential{{Username: "u", Password: "p"}}})
	_, err := readBlob(t.Context(), r, push(t, r).layer)
	if err == nil {
		t.Error("an empty body passes for the blob")
	}
	if leaked != "" {
		t.Errorf("the other host gets %q", leaked)
	}
	elsewhere.Close()
	if _, err = readBlob(t.Context(), r, push(t, r).layer); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error shows the signature of the address: %v", err)
	}
}

func TestPlainHTTPOnlyWhereAllowed(t *testing.T) {
	t.Parallel()
	for title, tc := range map[string]struct {
		host     string
		insecure bool
		want     []string
	}{
		"public":           {"registry.example.com", false, []string{"https"}},
		"public, insecure": {"registry.example.com", true, []string{"http", "https"}},
		"private address":  {"10.0.0.1:5000", false, []string{"https"}},
		"loopback":         {"127.0.0.1:5000", false, []string{"http", "https"}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			rt := &refusing{schemes: map[string]bool{}}
			reg, err := name.NewRegistry(tc.host)
			if err != nil {
				t.Fatal(err)
			}
			s := newSession(reg, tc.insecure, Credential{}, newGovernor(reg.RegistryStr(), 0), rt)
			if _, err := s.ping(t.Context()); err == nil {
				t.Error("no error from a network that refuses")
			}
			if diff := cmp.Diff(tc.want, slices.Sorted(maps.Keys(rt.schemes))); diff != "" {
				t.Errorf("schemes tried (-want +got):\n%s", diff)
			}
		})
	}
}

type refusing struct {
	mu      sync.Mutex
	schemes map[string]bool
}

func (r *refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.schemes[req.URL.Scheme] = true
	return nil, errors.New("refused")
}

func TestNewTokenIsReplacedBeforeItExpires(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for seconds, want := range map[int]time.Duration{0: 48 * time.Second, 10: 48 * time.Second, 300: 240 * time.Second} {
		got := newToken(&transport.Token{Token: "t", ExpiresIn: seconds}, now)
		if d := got.refresh.Sub(now); d != want {
			t.Errorf("a token for %d s is replaced after %s, want %s", seconds, d, want)
		}
	}
}

func TestPrivateHostIsAskedOnce(t *testing.T) {
	t.Parallel()
	for title, answer := range map[string]func(*http.Request) (*http.Response, error){
		"slow":     func(req *http.Request) (*http.Response, error) { return answer(req, http.StatusOK), nil },
		"in error": func(*http.Request) (*http.Response, error) { return nil, syscall.ECONNREFUSED },
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var asked []string
				private, err := name.NewRegistry("10.1.2.3:5000")
				if err != nil {
					t.Fatal(err)
				}
				s := newSession(private, false, Credential{}, newGovernor(private.RegistryStr(), 0), roundTrip(func(req *http.Request) (*http.Response, error) {
					asked = append(asked, req.URL.String())
					time.Sleep(10 * time.Second) //nolint:forbidigo // simulated time
					return answer(req)
				}))
				challenge, err := s.ping(t.Context())
				if err == nil && challenge.Insecure {
					t.Error("it goes on over plain http")
				}
				if diff := cmp.Diff([]string{"https://10.1.2.3:5000/v2/"}, asked); diff != "" {
					t.Errorf("asked (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestRedirectToPlainHTTP(t *testing.T) {
	t.Parallel()
	for insecure, want := range map[bool]bool{false: false, true: true} {
		asked := false
		g := &gate{governor: newGovernor("registry.example.com", 0), insecure: insecure, next: roundTrip(func(req *http.Request) (*http.Response, error) {
			asked = true
			return answer(req, http.StatusOK), nil
		})}
		req := httptest.NewRequest(http.MethodGet, "http://elsewhere.example.com/blob", nil)
		if _, err := g.RoundTrip(req); asked != want || (err == nil) != want {
			t.Errorf("insecure %t: sent %t, %v", insecure, asked, err)
		}
	}
}
