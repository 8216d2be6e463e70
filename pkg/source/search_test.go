package source

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

var errNotFound = errors.New("not found")

// All who ask the same while somebody looks get that one's answer, good or bad; whoever asks something else looks by himself, and whoever
// comes later looks anew.
func TestSearchesAreShared(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{"good": nil, "bad": errNotFound} {
		synctest.Test(t, func(t *testing.T) {
			var s searches
			looks, release, answers := make(chan question, 10), make(chan struct{}), make(chan error, 10)
			ask := func(q question) {
				answers <- s.share(t.Context(), q, func() error {
					looks <- q
					<-release
					return want
				})
			}
			one, other := question{verification{repository: "one"}, [32]byte{}}, question{verification{repository: "other"}, [32]byte{}}
			for range 5 {
				go ask(one)
			}
			go ask(other)
			synctest.Wait()
			close(release)
			for range 6 {
				if err := <-answers; !errors.Is(err, want) || want == nil && err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if len(looks) != 2 {
				t.Errorf("%s: %d looks, want 2", name, len(looks))
			}
			ask(one)
			if len(looks) != 3 || len(s.going) != 0 {
				t.Errorf("%s: %d looks, want 3; %d under way", name, len(looks), len(s.going))
			}
		})
	}
}

// Who is called off gives no answer to others: the next one looks. Nobody waits who is called off himself.
func TestSearchIsCalledOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s searches
		first, leave := context.WithCancelCause(t.Context())
		gone := errors.New("deleted")
		answers := map[string]chan error{"first": make(chan error, 1), "second": make(chan error, 1)}
		go func() {
			answers["first"] <- s.share(first, question{}, func() error {
				<-first.Done()
				return context.Cause(first)
			})
		}()
		synctest.Wait()
		go func() { answers["second"] <- s.share(t.Context(), question{}, func() error { return nil }) }()
		hasty, cancel := context.WithCancelCause(t.Context())
		cancel(gone)
		if err := s.share(hasty, question{}, func() error { return nil }); !errors.Is(err, gone) {
			t.Errorf("in haste: %v", err)
		}
		leave(gone)
		if err := <-answers["first"]; !errors.Is(err, gone) {
			t.Errorf("first: %v", err)
		}
		if err := <-answers["second"]; err != nil {
			t.Errorf("second: %v", err)
		}
	})
}

// Fifty objects that ask for the same signature of the same digest cost the registry one search, and are told of it once.
func TestOneSearchForAll(t *testing.T) {
	t.Parallel()
	s := newSigning(t)
	searches := make(chan error, 100)
	s.Searched = func(err error) { searches <- err }
	policy := mine(s)
	results := make(chan error)
	for i := range 50 {
		go func() {
			req := Request{Key: store.Key{Namespace: key.Namespace, Name: "app" + string(rune('a'+i))}, Spec: byTag("v1"), Requirements: require(policy)}
			req.Spec.URL = s.url()
			results <- s.verify(t.Context(), s.repository(), s.v1.Digest, req)
		}()
	}
	for range 50 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if len(searches) != 1 || <-searches != nil {
		t.Errorf("%d searches", len(searches)+1)
	}
	if _, failure := s.tag("v1", Advertised{}, yours(s)); failure == nil {
		t.Error("another's signature counts")
	}
	if err := <-searches; err == nil || len(searches) != 0 {
		t.Errorf("told %v", err)
	}
}

// A search that panics has found nothing: whoever waits for it looks by himself.
func TestSearchPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s searches
		release, answer, panicked := make(chan struct{}), make(chan error, 1), make(chan any, 1)
		go func() {
			defer func() { panicked <- recover() }()
			_ = s.share(t.Context(), question{}, func() error {
				<-release
				panic("a list that nobody thought of")
			})
		}()
		synctest.Wait()
		go func() { answer <- s.share(t.Context(), question{}, func() error { return errNotFound }) }()
		synctest.Wait()
		close(release)
		if err := <-answer; !errors.Is(err, errNotFound) {
			t.Errorf("who waited is told %v", err)
		}
		if <-panicked == nil {
			t.Error("the panic is lost")
		}
	})
}
