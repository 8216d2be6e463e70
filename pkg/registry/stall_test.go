package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestStall(t *testing.T) {
	t.Parallel()
	const idle = time.Minute
	silent := roundTrip(func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	})
	// body sends size bytes whenever pause has passed, n times, and then stands still.
	body := func(size int, pause time.Duration, n int, end bool) roundTrip {
		return func(req *http.Request) (*http.Response, error) {
			resp := answer(req, http.StatusOK)
			resp.Body = io.NopCloser(&trickle{done: req.Context().Done(), size: size, pause: pause, left: n, end: end})
			return resp, nil
		}
	}
	for title, tc := range map[string]struct {
		next    roundTrip
		stalled bool
	}{
		"no headers":          {silent, true},
		"body stands still":   {body(1, time.Second, 3, false), true},
		"slow body moves":     {body(16<<10, 12*time.Second, 200, true), false},
		"short body ends":     {body(1, 10*time.Second, 5, true), false},
		"a byte now and then": {body(1, 50*time.Second, 200, true), true},
		"less than the floor": {body(8<<10, 12*time.Second, 200, true), true},
		"pause in the middle": {body(1, 2*time.Minute, 3, true), true},
		"pause after much":    {body(floor, 2*time.Minute, 3, true), true},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				err := fetch(t, &stallTransport{next: tc.next, idle: idle})
				_, stalled := errors.AsType[*StallError](err)
				if stalled != tc.stalled || err != nil != tc.stalled {
					t.Errorf("the error is %v", err)
				}
			})
		})
	}
}

func fetch(t *testing.T, rt http.RoundTripper) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://registry.example.com/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, make([]byte, floor))
	return err
}

type trickle struct {
	done  <-chan struct{}
	size  int
	pause time.Duration
	left  int
	end   bool
}

func (r *trickle) Read(p []byte) (int, error) {
	if r.left--; r.left < 0 {
		if r.end {
			return 0, io.EOF
		}
		<-r.done
		return 0, context.Canceled
	}
	select {
	case <-r.done:
		return 0, context.Canceled
	case <-time.After(r.pause):
		return min(len(p), r.size), nil
	}
}

func TestSlowConsumerIsNoStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		next := roundTrip(func(req *http.Request) (*http.Response, error) {
			return answerWith(req, strings.Repeat("x", 100)), nil
		})
		resp, err := get(t, &stallTransport{next: next, idle: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for range 100 {
			time.Sleep(time.Hour) //nolint:forbidigo // simulated time
			if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestStallOfAnUpload(t *testing.T) {
	t.Parallel()
	for title, tc := range map[string]struct {
		size    int // what the registry takes whenever pause has passed
		pause   time.Duration
		answer  time.Duration
		stalled bool
	}{
		"slow but moves":      {16 << 10, 12 * time.Second, 50 * time.Second, false},
		"a byte now and then": {1, 50 * time.Second, 0, true},
		"nothing taken":       {16 << 10, 2 * time.Minute, 0, true},
		"no answer":           {floor, time.Second, 2 * time.Minute, true},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				next := roundTrip(func(req *http.Request) (*http.Response, error) {
					err := take(req, tc.size, tc.pause)
					if err == nil {
						err = sleep(req.Context(), tc.answer)
					}
					return answer(req, http.StatusCreated), err
				})
				body := strings.NewReader(strings.Repeat("x", 1<<20))
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://registry.example.com/v2/", body)
				if err != nil {
					t.Fatal(err)
				}
				_, err = (&stallTransport{next: next, idle: time.Minute}).RoundTrip(req)
				_, stalled := errors.AsType[*StallError](err)
				if stalled != tc.stalled || err != nil != tc.stalled {
					t.Errorf("the error is %v", err)
				}
			})
		})
	}
}

func take(req *http.Request, size int, pause time.Duration) error {
	for {
		_, err := req.Body.Read(make([]byte, size))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := errors.Join(err, sleep(req.Context(), pause)); err != nil {
			return err
		}
	}
}

// Downloads that fill the pool are no silence of the registry.
func TestFullPoolIsNoStall(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second // for a busy machine to answer in
	release := make(chan struct{})
	host := serve(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.URL.Path, "/blobs/") {
				manifestHead(w, r)
				return
			}
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-release
		})
	})
	defer close(release)
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Timeout: timeout})
	var held io.Closer
	for range maxConnections {
		body, err := r.Blob(t.Context(), ocispec.Descriptor{Digest: digest.FromString("x"), Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		held = body
	}
	time.AfterFunc(timeout+timeout/2, func() { _ = held.Close() })
	if _, err := r.Resolve(t.Context(), "v1"); err != nil {
		t.Error(err)
	}
}
