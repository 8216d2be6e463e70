package signature

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// While the public root does not come it is asked for once, and a root of before serves in its place.
func TestPublicRootHangs(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	release := make(chan struct{})
	mirror := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		<-release
	}))
	t.Cleanup(mirror.Close)
	t.Cleanup(func() { close(release) })
	p := newPublic(Options{Mirror: mirror.URL, Patience: 200 * time.Millisecond, Timeout: time.Hour})
	for range 20 {
		if _, err := p.get(t.Context()); !errors.Is(err, errSlowRoot) {
			t.Fatalf("got %v", err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	former := &root{}
	p.mu.Lock()
	p.root, p.fetched = former, time.Now().Add(-refreshRoot)
	p.mu.Unlock()
	if r, err := p.get(t.Context()); r != former || err != nil {
		t.Errorf("the former one does not serve: %v", err)
	}
}

// However many need a root that does not come, they wait once, all together.
func TestPublicRootIsAwaitedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublic(Options{Patience: time.Second})
		start := time.Now()
		p.current = &fetching{began: start, done: make(chan struct{})}
		for range 20 {
			if _, err := p.get(t.Context()); !errors.Is(err, errSlowRoot) {
				t.Fatalf("got %v", err)
			}
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("20 verifications wait for %s", took)
		}
	})
}

// A root in the public one's place is never fetched, and one that is of no use is said to be so.
func TestRootInItsPlace(t *testing.T) {
	t.Parallel()
	mirror := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) }))
	t.Cleanup(mirror.Close)
	b := newBench(t, true, "referrer", nil)
	b.policy = policyOf(t, Trust{Identities: []Identity{{Issuer: issuer, Subject: alice}}})
	b.sign(b.right, b.subject)
	if err := CheckTrustedRoot(b.private.root); err != nil {
		t.Error(err)
	}
	verified, err := NewVerifier(Options{TrustedRoot: b.private.root, Mirror: mirror.URL}).Verify(t.Context(), b.repo, b.subject.Digest, b.policy)
	check(t, b, verified, err, 0, "")
	if CheckTrustedRoot([]byte("{}")) == nil {
		t.Error("an empty root is of use")
	}
	_, err = NewVerifier(Options{TrustedRoot: []byte("{}"), Mirror: mirror.URL}).Verify(t.Context(), b.repo, b.subject.Digest, b.policy)
	if failed, ok := errors.AsType[*Error](err); !ok || failed.Kind != KindUnreachable {
		t.Errorf("an empty root: %v", err)
	}
}
