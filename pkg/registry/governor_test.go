package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// governed sends requests to a registry of which each answer is decided by the test.
type governed struct {
	t    *testing.T
	gate *gate
	next func(*http.Request) *http.Response
	sent int
}

func newGoverned(t *testing.T) *governed {
	t.Helper()
	g := &governed{t: t}
	g.gate = &gate{governor: newGovernor("registry.example.com", 0), next: roundTrip(func(req *http.Request) (*http.Response, error) {
		g.sent++
		return g.next(req), nil
	})}
	return g
}

// send tells how long the registry wants to be left alone; zero: it answered.
func (g *governed) send(method, path string, code int, header ...string) time.Duration {
	g.t.Helper()
	g.next = func(req *http.Request) *http.Response { return answer(req, code, header...) }
	req, err := http.NewRequestWithContext(g.t.Context(), method, "https://registry.example.com"+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	_, err = g.gate.RoundTrip(req)
	limited, ok := errors.AsType[*RateLimitError](err)
	if err != nil && !ok {
		g.t.Fatal(err)
	}
	if !ok {
		return 0
	}
	return time.Until(limited.Until)
}

const (
	manifestPath = "/v2/org/app/manifests/v1"
	blobPath     = "/v2/org/app/blobs/sha256:0"
)

// Docker Hub counts the GETs of manifests. When they are spent, polls go on.
func TestSpentQuotaStopsPullsOnly(t *testing.T) {
	t.Parallel()
	for name, header := range map[string][]string{
		"Docker Hub": {"RateLimit-Limit", "100;w=600", "RateLimit-Remaining", "0;w=600"},
		"with reset": {"RateLimit-Remaining", "0", "RateLimit-Reset", "600"},
		"draft":      {"RateLimit", `"hour";r=0;t=600`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGoverned(t)
				if wait := g.send(http.MethodGet, manifestPath, http.StatusOK, header...); wait != 0 {
					t.Errorf("the last one that is granted waits %s", wait)
				}
				pause(time.Minute)
				if wait := g.send(http.MethodGet, manifestPath, http.StatusOK); wait != 9*time.Minute {
					t.Errorf("the next one waits %s", wait)
				}
				for _, what := range []string{"HEAD " + manifestPath, "GET " + blobPath, "GET /v2/"} {
					method, path, _ := strings.Cut(what, " ")
					if wait := g.send(method, path, http.StatusOK); wait != 0 {
						t.Errorf("%s waits %s", what, wait)
					}
				}
				pause(8 * time.Minute)
				g.send(http.MethodHead, manifestPath, http.StatusOK, header...)
				if wait := g.send(http.MethodGet, manifestPath, http.StatusOK); wait != time.Minute {
					t.Errorf("a poll puts the next one off, it waits %s", wait)
				}
				g.send(http.MethodHead, manifestPath, http.StatusOK, "RateLimit-Remaining", "1;w=600")
				if wait := g.send(http.MethodGet, manifestPath, http.StatusOK); wait != 0 {
					t.Errorf("what is granted again waits %s", wait)
				}
			})
		})
	}
}

func TestRefusalThatIsSpentQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGoverned(t)
		if wait := g.send(http.MethodGet, manifestPath, http.StatusTooManyRequests, "RateLimit-Remaining", "0;w=21600"); wait != maxPause {
			t.Errorf("a pull waits %s", wait)
		}
		if wait := g.send(http.MethodHead, manifestPath, http.StatusOK); wait != 0 {
			t.Errorf("a poll waits %s", wait)
		}
		if wait := g.send(http.MethodHead, manifestPath, http.StatusTooManyRequests, "RateLimit-Remaining", "0;w=21600"); wait != defaultPause {
			t.Errorf("a poll that is refused waits %s", wait)
		}
		if wait := g.send(http.MethodGet, blobPath, http.StatusOK); wait != defaultPause {
			t.Errorf("after that, a blob waits %s", wait)
		}
	})
}

// Whoever redirects or issues tokens has no say in what the registry grants.
func TestQuotaOfOthersDoesNotCount(t *testing.T) {
	t.Parallel()
	g := newGoverned(t)
	g.send(http.MethodGet, "/token", http.StatusOK, "RateLimit-Remaining", "0;w=600")
	g.send(http.MethodGet, blobPath, http.StatusOK, "RateLimit-Remaining", "0;w=600")
	g.send(http.MethodGet, ".elsewhere.example.com"+manifestPath, http.StatusOK, "RateLimit-Remaining", "0;w=600")
	if wait := g.send(http.MethodGet, manifestPath, http.StatusOK); wait != 0 {
		t.Errorf("a pull waits %s", wait)
	}
}

func TestPausesGrowWhereNoneIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGoverned(t)
		var pauses []time.Duration
		for range 10 {
			wait := g.send(http.MethodHead, manifestPath, http.StatusTooManyRequests)
			pauses = append(pauses, wait)
			pause(wait)
		}
		want := []time.Duration{}
		for d := defaultPause; len(want) < 10; d *= 2 {
			want = append(want, min(d, maxPause))
		}
		if diff := cmp.Diff(want, pauses); diff != "" {
			t.Errorf("pauses (-want +got):\n%s", diff)
		}
		if wait := g.send(http.MethodHead, manifestPath, http.StatusOK); wait != 0 {
			t.Errorf("it waits %s", wait)
		}
		if wait := g.send(http.MethodHead, manifestPath, http.StatusTooManyRequests); wait != defaultPause {
			t.Errorf("after an answer it begins with %s", wait)
		}
	})
}

// Those that were under way together are one refusal, not many.
func TestRefusalsAtOnceCountAsOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor("registry.example.com", 0)
		for range 10 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "https://registry.example.com"+manifestPath, nil)
			if err != nil {
				t.Fatal(err)
			}
			limited := g.note(req, answer(req, http.StatusTooManyRequests))
			if wait := time.Until(limited.Until); wait != defaultPause {
				t.Errorf("it waits %s", wait)
			}
		}
	})
}

// A download that nobody reads to its end must not keep its place for ever, nor one that does not move look like a stalled registry.
func TestPlacesAreGivenBack(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(io.ReadCloser, context.CancelFunc){
		"closed":     func(body io.ReadCloser, _ context.CancelFunc) { body.Close() },
		"read":       func(body io.ReadCloser, _ context.CancelFunc) { _, _ = io.Copy(io.Discard, body) },
		"called off": func(_ io.ReadCloser, cancel context.CancelFunc) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const idle = time.Second
				g := &gate{governor: newGovernor("registry.example.com", 2), next: roundTrip(func(req *http.Request) (*http.Response, error) {
					return answerWith(req, "blob"), nil
				})}
				rt := &stallTransport{next: g, idle: idle}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				send := func(ctx context.Context, method string) (*http.Response, error) {
					req, err := http.NewRequestWithContext(ctx, method, "https://registry.example.com"+blobPath, nil)
					if err != nil {
						t.Fatal(err)
					}
					return rt.RoundTrip(req)
				}
				first, err := send(ctx, http.MethodGet)
				if err != nil {
					t.Fatal(err)
				}
				second, err := send(t.Context(), http.MethodGet)
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				var waiting sync.WaitGroup
				waiting.Go(func() {
					third, err := send(t.Context(), http.MethodGet)
					if err != nil {
						t.Error(err)
						return
					}
					third.Body.Close()
					if waited := time.Since(start); waited != time.Hour {
						t.Errorf("the third one waited %s", waited)
					}
				})
				hurried, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				if _, err := send(hurried, http.MethodGet); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("who cannot wait is told %v", err)
				}
				if upload, err := send(t.Context(), http.MethodPost); err != nil {
					t.Errorf("an upload waits for downloads: %v", err)
				} else {
					upload.Body.Close()
				}
				pause(time.Hour - time.Minute)
				end(first.Body, cancel)
				waiting.Wait()
				second.Body.Close()
			})
		})
	}
}

// One tenant's trouble is not another's; but whoever comes with the same credential, however far he may reach, is the same to the registry.
func TestBudgetsArePerHostAndCredential(t *testing.T) {
	t.Parallel()
	host := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, _, ok := r.BasicAuth()
			switch {
			case !ok:
				w.Header().Set("WWW-Authenticate", "Basic")
				w.WriteHeader(http.StatusUnauthorized)
			case user == "greedy" && r.Method == http.MethodHead:
				w.WriteHeader(http.StatusTooManyRequests)
			default:
				next.ServeHTTP(w, r)
			}
		})
	})
	c := NewClient(Options{})
	as := func(user string, reach Reach) error {
		access := Access{Credentials: []Credential{{Username: user, Password: "p"}}, Reach: reach}
		_, err := open(t, c, host.ref("org/app"), access).Resolve(t.Context(), "v1")
		return err
	}
	if err := as("greedy", Reach{}); !isLimited(err) {
		t.Errorf("got %v", err)
	}
	host.take()
	if err := as("greedy", Reach{Loopback: true}); !isLimited(err) || len(host.take()) != 0 {
		t.Errorf("with another reach: %v", err)
	}
	if err := as("modest", Reach{}); !IsNotFound(err) {
		t.Errorf("somebody else: %v", err)
	}
}
