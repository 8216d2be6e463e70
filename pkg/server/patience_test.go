package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

type hanging struct{}

func (hanging) Refill(ctx context.Context, _ store.Key, _ digest.Digest) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// Neither a client nor a seat waits for ever, and what failed is asked for again.
func TestRefillHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Refill: hanging{}}
		m := missing{key: store.Key{Namespace: "apps", Name: "web"}}
		start := time.Now()
		if err := s.refill(t.Context(), m); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != maxWait {
			t.Errorf("a client waits %s and gets %v", time.Since(start), err)
		}
		time.Sleep(maxRefill - maxWait) //nolint:forbidigo // simulated time
		synctest.Wait()
		if len(s.refills.flights) > 0 || len(s.refills.seats.rooms) > 0 || len(s.refills.seats.all) > 0 {
			t.Error("the refill goes on")
		}
		asked := time.Now()
		if err := s.refill(t.Context(), m); err == nil || time.Since(asked) > 0 {
			t.Errorf("what just failed: %v after %s", err, time.Since(asked))
		}
		time.Sleep(missedFor) //nolint:forbidigo // simulated time
		if err := s.refill(t.Context(), m); err == nil || time.Since(asked) < maxWait {
			t.Errorf("it is not tried again: %v after %s", err, time.Since(asked))
		}
		time.Sleep(maxRefill) //nolint:forbidigo // simulated time
	})
}

// Who asks for many things that are not there takes bounded memory.
func TestMemoryOfFailuresIsBounded(t *testing.T) {
	t.Parallel()
	var r refills
	for i := range maxFailed + 10 {
		m := missing{digest: digest.FromString(fmt.Sprint(i))}
		f, err := r.join(m, func(*flight) {})
		if err != nil {
			t.Fatal(err)
		}
		r.land(m, f, fs.ErrNotExist)
	}
	if n := len(r.failed); n > maxFailed {
		t.Errorf("%d are remembered", n)
	}
	for i := range maxFlights {
		if _, err := r.join(missing{key: store.Key{Name: fmt.Sprint(i)}}, func(*flight) {}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.join(missing{key: store.Key{Name: "one more"}}, func(*flight) { t.Error("it begins") }); !errors.Is(err, errBusy) {
		t.Errorf("one more: %v", err)
	}
}
