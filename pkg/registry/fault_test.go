package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// intercept answers the requests that match, as often as times says, before the registry sees them.
func intercept(method, part string, times int32, answer http.HandlerFunc) func(http.Handler) http.Handler {
	var seen atomic.Int32
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == method && strings.Contains(r.URL.Path, part) && seen.Add(1) <= times {
				answer(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

const always = 1 << 30

func status405(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) }

func TestResolveWhereHeadIsRefused(t *testing.T) {
	t.Parallel()
	bare := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
	}
	for name, answer := range map[string]http.HandlerFunc{"405": status405, "no digest": bare} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, intercept(http.MethodHead, "/manifests/", always, answer))
			r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
			want := push(t, r).manifest
			got, err := r.Resolve(t.Context(), "v1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("descriptor (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStatusErrors(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		http.StatusNotFound:            "not found",
		http.StatusForbidden:           "access denied",
		http.StatusUnauthorized:        "authentication required",
		http.StatusInternalServerError: "Internal Server Error",
		599:                            "unknown status",
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			host := serve(t, intercept(http.MethodHead, "/manifests/", always, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
			_, err := open(t, NewClient(Options{}), host.ref("org/app"), Access{}).Resolve(t.Context(), "v1")
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), host.ref("org/app").Name()+":v1") {
				t.Errorf("HTTP %d gives %v", code, err)
			}
			if IsNotFound(err) != (code == 404) || IsUnauthorized(err) != (code == 401 || code == 403) {
				t.Errorf("HTTP %d is taken for another one", code)
			}
		})
	}
}

// A message that changes with every try is a new event and a new status each time.
func TestErrorsOfConnectionsAreStable(t *testing.T) {
	t.Parallel()
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
	host := serve(t, intercept(http.MethodHead, "/manifests/", always, hangUp))
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{})
	var texts []string
	for range 3 {
		_, err := r.Resolve(t.Context(), "v1")
		texts = append(texts, fmt.Sprint(err))
	}
	if texts[0] == "<nil>" || texts[0] != texts[1] || texts[1] != texts[2] {
		t.Errorf("the texts differ: %q", texts)
	}
	host.Close()
	if _, err := r.Resolve(t.Context(), "v1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	flip := func(b []byte) []byte { c := bytes.Clone(b); c[len(c)/2] ^= 1; return c }
	for name, change := range map[string]func([]byte) []byte{
		"changed":   flip,
		"cut short": func(b []byte) []byte { return b[:len(b)-1] },
		"too long":  func(b []byte) []byte { return append(bytes.Clone(b), 0) },
		"empty":     func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method != http.MethodGet || r.URL.Path == "/v2/" {
						next.ServeHTTP(w, r)
						return
					}
					recorded := &recorder{header: w.Header()}
					next.ServeHTTP(recorded, r)
					w.Header().Del("Content-Length")
					_, _ = w.Write(change(recorded.body.Bytes()))
				})
			})
			r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
			p := push(t, r)
			raw, _, err := r.Manifest(t.Context(), p.manifest)
			if _, ok := errors.AsType[*DigestError](err); !ok {
				t.Errorf("a manifest of other bytes gives %q, %v", raw, err)
			}
			_, err = readBlob(t.Context(), r, p.layer)
			if _, ok := errors.AsType[*DigestError](err); err == nil || name == "changed" && !ok {
				t.Errorf("a blob of other bytes gives %v", err)
			}
		})
	}
}

type recorder struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(int)             {}
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

func TestEndlessAnswersAreBounded(t *testing.T) {
	t.Parallel()
	redirect := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}
	for title, tc := range map[string]struct {
		part string
		read func(*Repository, pushed) error
	}{"manifest": {"/manifests/", fetchManifest}, "tags": {"/tags/", listTags}} {
		for way, answer := range map[string]http.HandlerFunc{"here": endless, "redirected": redirect} {
			t.Run(title+" "+way, func(t *testing.T) {
				t.Parallel()
				there := intercept(http.MethodGet, "/elsewhere", always, endless)
				here := intercept(http.MethodGet, tc.part, always, answer)
				host := serve(t, func(next http.Handler) http.Handler { return here(there(next)) })
				r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
				if err := tc.read(r, push(t, r)); err == nil || !strings.Contains(err.Error(), "more than") {
					t.Errorf("an endless answer gives %v", err)
				}
			})
		}
	}
}

func TestPushSendsOnlyWhatIsMissing(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
	p := push(t, r)
	host.take()
	err := r.PushBlob(t.Context(), p.layer, func() (io.ReadCloser, error) {
		t.Error("a blob that the registry has is read")
		return nil, errors.New("read")
	})
	if err != nil {
		t.Error(err)
	}
	if got := host.take(); len(got) != 1 || !strings.HasPrefix(got[0], "HEAD ") {
		t.Errorf("requests: %q", got)
	}
}

func TestPushIsTriedAgain(t *testing.T) {
	t.Parallel()
	host := serve(t, intercept(http.MethodPatch, "/uploads/", 1, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	r := open(t, NewClient(Options{Retry: true}), host.ref("org/app"), Access{Push: true})
	p := push(t, r)
	got, err := readBlob(t.Context(), r, p.layer)
	if err != nil || !bytes.Equal(got, p.content) {
		t.Errorf("what arrived is not what was sent: %v", err)
	}
}

func TestReadsAreTriedAgain(t *testing.T) {
	t.Parallel()
	reset := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	}
	busy := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	for title, tc := range map[string]struct {
		method, part string
		answer       http.HandlerFunc
		read         func(*Repository, pushed) error
	}{
		"resolve, busy":      {http.MethodHead, "/manifests/", busy, resolveAny},
		"resolve, cut off":   {http.MethodHead, "/manifests/", reset, resolveAny},
		"challenge, busy":    {http.MethodGet, "/v2/", busy, resolveAny},
		"manifest, busy":     {http.MethodGet, "/manifests/", busy, fetchManifest},
		"blob, busy":         {http.MethodGet, "/blobs/", busy, fetchBlob},
		"list of tags, busy": {http.MethodGet, "/tags/", busy, listTags},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			host := serve(t, intercept(tc.method, tc.part, 2, tc.answer))
			p := push(t, open(t, NewClient(Options{Retry: true}), host.ref("org/app"), Access{Push: true}))
			if err := tc.read(open(t, NewClient(Options{Retry: true}), host.ref("org/app"), Access{}), p); err != nil {
				t.Error(err)
			}
		})
	}
}

func resolveAny(r *Repository, _ pushed) error {
	_, err := r.Resolve(context.Background(), "v1")
	return err
}

func fetchManifest(r *Repository, p pushed) error {
	_, _, err := r.Manifest(context.Background(), p.manifest)
	return err
}

func fetchBlob(r *Repository, p pushed) error {
	_, err := readBlob(context.Background(), r, p.layer)
	return err
}

func listTags(r *Repository, _ pushed) error {
	_, err := r.Tags(context.Background())
	return err
}

func TestCopyBeginsAnewWhereItBrokeOff(t *testing.T) {
	t.Parallel()
	half := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4096")
		_, _ = w.Write(make([]byte, 2048)) // net/http cuts the connection
	}
	host := serve(t, intercept(http.MethodGet, "/blobs/", 1, half))
	r := open(t, NewClient(Options{Retry: true}), host.ref("org/app"), Access{Push: true})
	p := push(t, r)
	var tries []*bytes.Buffer
	err := r.CopyBlob(t.Context(), p.layer, func() io.Writer {
		tries = append(tries, &bytes.Buffer{})
		return tries[len(tries)-1]
	})
	if err != nil || len(tries) != 2 || !bytes.Equal(tries[1].Bytes(), p.content) {
		t.Errorf("%d tries, %v", len(tries), err)
	}
}

func TestWhatStaysIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retry  bool
		status int
		want   int // requests
	}{
		"busy for ever":     {true, http.StatusServiceUnavailable, 3},
		"no retries wanted": {false, http.StatusServiceUnavailable, 1},
		"not found":         {true, http.StatusNotFound, 1},
		"forbidden":         {true, http.StatusForbidden, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, intercept(http.MethodHead, "/manifests/", always, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(tc.status) }))
			r := open(t, NewClient(Options{Retry: tc.retry}), host.ref("org/app"), Access{})
			_, err := r.Resolve(t.Context(), "v1")
			if status(err) != tc.status {
				t.Errorf("the error is %v", err)
			}
			if asked := len(host.take()) - 1; asked != tc.want { // one asks how to authenticate
				t.Errorf("it was asked %d times, not %d", asked, tc.want)
			}
		})
	}
}

func TestPauseBetweenTriesIsInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(firstPause/2, cancel)
		asked, start := 0, time.Now()
		err := (&Repository{retry: true}).persist(ctx, func() error {
			asked++
			return &StatusError{Code: http.StatusBadGateway}
		})
		if !errors.Is(err, context.Canceled) || asked != 1 || time.Since(start) != firstPause/2 {
			t.Errorf("%d tries, %s, %v", asked, time.Since(start), err)
		}
	})
}

func TestTags(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
	p := push(t, r)
	if err := r.PushManifest(t.Context(), "v2", p.manifest, p.raw); err != nil {
		t.Fatal(err)
	}
	got, err := r.Tags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"v1", "v2"}, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

// roundTrip is a registry without a network, for tests in which time is simulated.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func answer(req *http.Request, code int, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: code, Header: h, Body: http.NoBody, Request: req}
}

func answerWith(req *http.Request, body string) *http.Response {
	resp := answer(req, http.StatusOK)
	resp.Body = io.NopCloser(strings.NewReader(body))
	return resp
}

func simulated(t *testing.T, rt roundTrip) *session {
	t.Helper()
	reg, err := name.NewRegistry("registry.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return newSession(reg, false, Credential{}, newGovernor(reg.RegistryStr(), 0), rt)
}

func get(t *testing.T, rt http.RoundTripper) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://registry.example.com/v2/app/manifests/v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	return rt.RoundTrip(req)
}

// forPull sends everything within one session.
func forPull(s *session) roundTrip {
	return func(req *http.Request) (*http.Response, error) { return s.do(req, "repository:app:pull") }
}

func TestRegistryThatWantsFewerRequestsIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := forPull(simulated(t, func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/v2/" {
				return answer(req, http.StatusOK), nil
			}
			if asked++; asked == 1 {
				return answer(req, http.StatusTooManyRequests, "Retry-After", "30"), nil
			}
			return answer(req, http.StatusOK), nil
		}))
		start := time.Now()
		for range 50 {
			_, err := get(t, s)
			limited, ok := errors.AsType[*RateLimitError](err)
			if !ok || limited.Until.Sub(start) != 30*time.Second {
				t.Fatalf("the error is %v", err)
			}
		}
		if asked != 1 {
			t.Errorf("it was asked %d times", asked)
		}
		time.Sleep(31 * time.Second) //nolint:forbidigo // simulated time
		if resp, err := get(t, s); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("after the pause: %v", err)
		}
	})
}

func TestPatienceWaitsForTheRegistry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := simulated(t, func(req *http.Request) (*http.Response, error) {
			if asked++; asked == 2 {
				return answer(req, http.StatusServiceUnavailable, "Retry-After", "5"), nil
			}
			return answer(req, http.StatusOK), nil
		})
		var told []time.Time
		patient := &patientTransport{
			next:     &stallTransport{next: forPull(s), idle: time.Second}, // shorter than the wait, which is no stall
			patience: time.Minute,
			waiting:  func(e *RateLimitError) { told = append(told, e.Until) },
		}
		start := time.Now()
		if resp, err := get(t, patient); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v", err)
		}
		if waited := time.Since(start); waited != 5*time.Second {
			t.Errorf("it waited %s", waited)
		}
		if diff := cmp.Diff([]time.Time{start.Add(5 * time.Second)}, told); diff != "" {
			t.Errorf("said of the wait (-want +got):\n%s", diff)
		}
	})
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]int{"0": 61, "1": 61, "20": 4, "90": 1} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			s := simulated(t, func(req *http.Request) (*http.Response, error) {
				if req.URL.Path == "/v2/" {
					return answer(req, http.StatusOK), nil
				}
				asked++
				return answer(req, http.StatusTooManyRequests, "Retry-After", header), nil
			})
			_, err := get(t, &patientTransport{next: forPull(s), patience: time.Minute})
			if _, ok := errors.AsType[*RateLimitError](err); !ok || asked != want {
				t.Errorf("Retry-After %s: it was asked %d times, want %d, and the error is %v", header, asked, want, err)
			}
		})
	}
}

func TestWaitIsSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := simulated(t, func(req *http.Request) (*http.Response, error) { return answer(req, http.StatusOK), nil })
		s.gate.governor.until = time.Now().Add(5 * time.Second)
		told := 0
		patient := &patientTransport{next: forPull(s), patience: time.Minute, waiting: func(*RateLimitError) { told++ }}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, err := get(t, patient); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if told != 1 {
			t.Errorf("it was said %d times", told)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                              defaultPause,
		"7":                             7 * time.Second,
		"-1":                            defaultPause,
		"999999999":                     maxPause,
		"99999999999999999999":          defaultPause,
		"Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second,
		"Fri, 02 Jan 2026 03:00:00 GMT": minPause,
		"0":                             minPause,
		"soon":                          defaultPause,
	} {
		if got, _ := retryAfter(header, now); got != want {
			t.Errorf("Retry-After %q is %s, want %s", header, got, want)
		}
	}
}
