package registry

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// changing answers as two registries do, one after the other.
type changing struct {
	before, after http.Handler
	changed       atomic.Bool
}

func (c *changing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.changed.Load() {
		c.after.ServeHTTP(w, r)
		return
	}
	c.before.ServeHTTP(w, r)
}

func manifestHead(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
	w.Header().Set("Docker-Content-Digest", digest.FromString("m").String())
	w.Header().Set("Content-Length", "1")
}

// asking lets in whoever has authorization; it gives a token at realm to anybody.
func asking(challenge, authorization, realm string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case realm != "" && r.URL.Path == realm:
			fmt.Fprint(w, `{"token":"t"}`)
		case strings.HasPrefix(r.URL.Path, "/v2/") && strings.HasPrefix(r.Header.Get("Authorization"), authorization):
			manifestHead(w, r)
		case strings.HasPrefix(r.URL.Path, "/v2/"):
			w.Header().Set("WWW-Authenticate", strings.ReplaceAll(challenge, "HOST", r.Host))
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
}

// What was learned of a registry is worth nothing once the registry changes; no restart is needed for that.
func TestRegistryThatChangesHowItAuthenticates(t *testing.T) {
	t.Parallel()
	free := asking("", "", "")
	basic := asking(`Basic realm="r"`, "Basic ", "")
	bearer := asking(`Bearer realm="http://HOST/token",service="s"`, "Bearer t", "/token")
	moved := asking(`Bearer realm="http://HOST/moved",service="s"`, "Bearer t", "/moved")
	for title, tc := range map[string]struct {
		before, after http.Handler
		tries         int // until it works
	}{
		"open, basic":         {free, basic, 1},
		"open, bearer":        {free, bearer, 1},
		"basic, bearer":       {basic, bearer, 1},
		"bearer, basic":       {bearer, basic, 1},
		"token service moves": {bearer, moved, 2},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			c := &changing{before: tc.before, after: tc.after}
			host := serve(t, func(http.Handler) http.Handler { return c })
			client := NewClient(Options{})
			resolve := func(repository string) error {
				a := Access{Credentials: []Credential{{Username: "u", Password: "p"}}}
				_, err := open(t, client, host.ref(repository), a).Resolve(t.Context(), "v1")
				return err
			}
			if err := resolve("org/app"); err != nil {
				t.Fatal(err)
			}
			c.changed.Store(true)
			var err error
			for range tc.tries {
				err = resolve("org/other") // which has no token yet
			}
			if err != nil {
				t.Error(err)
			}
			host.take()
			if err := resolve("org/other"); err != nil || len(host.take()) != 1 {
				t.Errorf("once it is known again, a poll is more than one request: %v", err)
			}
		})
	}
}

func TestRegistryThatChangesItsScheme(t *testing.T) {
	t.Parallel()
	for _, toTLS := range []bool{true, false} {
		t.Run(fmt.Sprint(toTLS), func(t *testing.T) {
			t.Parallel()
			begin := func(tls bool, address string) *httptest.Server {
				s := httptest.NewUnstartedServer(http.HandlerFunc(manifestHead))
				s.Config.ErrorLog = log.New(io.Discard, "", 0)
				if address != "" {
					_ = s.Listener.Close()
					var err error
					if s.Listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", address); err != nil {
						t.Fatal(err)
					}
				}
				if tls {
					s.StartTLS()
				} else {
					s.Start()
				}
				t.Cleanup(s.Close)
				return s
			}
			first := begin(!toTLS, "")
			ref := Reference{Registry: first.Listener.Addr().String(), Repository: "org/app"}
			client := NewClient(Options{})
			if _, err := open(t, client, ref, Access{Insecure: true}).Resolve(t.Context(), "v1"); err != nil {
				t.Fatal(err)
			}
			first.Close()
			begin(toTLS, ref.Registry)
			if _, err := open(t, client, ref, Access{Insecure: true}).Resolve(t.Context(), "v1"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefusedCredentialIsNotSentTwice(t *testing.T) {
	t.Parallel()
	host := serve(t, func(http.Handler) http.Handler { return asking(`Basic realm="r"`, "Basic never", "") })
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Credentials: []Credential{{Username: "u", Password: "p"}}})
	if _, err := r.Resolve(t.Context(), "v1"); !IsUnauthorized(err) {
		t.Errorf("the error is %v", err)
	}
	heads := 0
	for _, request := range host.take() {
		if strings.HasPrefix(request, http.MethodHead) {
			heads++
		}
	}
	if heads != 1 {
		t.Errorf("a wrong password is sent %d times", heads)
	}
}
