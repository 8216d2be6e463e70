package signature

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Without the public root nothing is known about identities: nothing is withdrawn, and nobody waits longer than wanted.
func TestPublicRootOutOfReach(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"fails":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"garbage": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("garbage")) },
		"hangs":   func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				handler(w, r)
			}))
			t.Cleanup(mirror.Close)
			b := newBench(t, true, "referrer", nil)
			b.policy = policyOf(t, Trust{Identities: []Identity{{Issuer: issuer, Subject: alice}}})
			b.sign(b.right, b.subject)
			v := NewVerifier(Options{Mirror: mirror.URL, Timeout: 300 * time.Millisecond})
			for range 3 {
				_, err := v.Verify(t.Context(), b.repo, b.subject.Digest, b.policy)
				if failed, ok := errors.AsType[*Error](err); !ok || failed.Kind != KindUnreachable {
					t.Fatalf("got %#v", err)
				}
			}
			if n := asked.Load(); n > 2 {
				t.Errorf("asked %d times", n)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := newPublic(Options{Mirror: mirror.URL}).get(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("called off: %v", err)
			}
		})
	}
}

// The root is fetched once a day; one that cannot be fetched anew serves for a week.
func TestPublicRootAges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublic(Options{})
		first, broken := &root{}, errors.New("broken")
		if _, _, known := p.known(time.Now()); known {
			t.Error("a root is known before it was fetched")
		}
		p.note(nil, broken)
		if r, err, known := p.known(time.Now()); r != nil || !errors.Is(err, broken) || !known {
			t.Error("a failure is not remembered")
		}
		time.Sleep(retryRoot) //nolint:forbidigo // of synctest's clock
		if _, _, known := p.known(time.Now()); known {
			t.Error("a failure is remembered for too long")
		}
		p.note(first, nil)
		for _, step := range []struct {
			after  time.Duration
			fail   bool
			served bool
			known  bool
		}{
			{refreshRoot - time.Second, false, true, true},
			{time.Second, false, false, false},
			{0, true, true, true},
			{retryRoot, false, false, false},
			{keepRoot, true, false, true},
		} {
			time.Sleep(step.after) //nolint:forbidigo // of synctest's clock
			if step.fail {
				p.note(nil, broken)
			}
			r, _, known := p.known(time.Now())
			if (r == first) != step.served || known != step.known {
				t.Errorf("%+v: %v, %v", step, r == first, known)
			}
		}
	})
}
