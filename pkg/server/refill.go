package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// Refill puts back into the store what objects advertise and the store lacks.
type Refill interface {
	// Refill returns when the store has what the object advertises, or has advertised, under the digest, or what it advertises under
	// whichever one where it is empty. The error wraps fs.ErrNotExist when there is no such thing; any other one may pass. It ends when
	// the context does.
	Refill(ctx context.Context, key store.Key, d digest.Digest) error
}

const (
	maxWait    = time.Minute     // for which a client waits for a refill
	maxRefill  = 5 * time.Minute // for which a refill may go on, whether or not clients wait
	maxFlights = 1_000           // refills that go on or wait for their turn
	maxFailed  = 10_000          // failures remembered
	missedFor  = 2 * time.Second // for which a failure is remembered
)

var (
	errBusy      = errors.New("too much else is missing")
	errGoneAgain = errors.New("it was dropped again")
)

// refillError tells what could not be put back from what could not be read.
type refillError struct{ err error }

func (e *refillError) Error() string { return "refill: " + e.err.Error() }
func (e *refillError) Unwrap() error { return e.err }

// missing is what a client asked for; the digest is empty for the latest.
type missing struct {
	key    store.Key
	digest digest.Digest
}

// refills runs one refill for each missing thing at a time. The zero value is ready.
type refills struct {
	seats seats

	mu      sync.Mutex
	flights map[missing]*flight
	failed  map[missing]failure
}

// flight is a refill that goes on.
type flight struct {
	done chan struct{}
	err  error // when it is done
}

type failure struct {
	err   error
	until time.Time
}

// refill has the missing thing put back, and waits for it as long as the client does. The flight goes on for other clients when this
// one leaves.
func (s *Server) refill(ctx context.Context, m missing) error {
	f, err := s.refills.join(m, func(f *flight) { go s.fly(context.WithoutCancel(ctx), m, f) })
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join gives the flight for a missing thing, which begins where there is none, or the failure of the last one.
func (r *refills) join(m missing, begin func(*flight)) (*flight, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.failed[m]; ok {
		if time.Now().Before(last.until) {
			return nil, last.err
		}
		delete(r.failed, m)
	}
	if f := r.flights[m]; f != nil {
		return f, nil
	}
	if len(r.flights) >= maxFlights {
		return nil, errBusy
	}
	if r.flights == nil {
		r.flights = map[missing]*flight{}
	}
	f := &flight{done: make(chan struct{})}
	r.flights[m] = f
	begin(f)
	return f, nil
}

func (s *Server) fly(ctx context.Context, m missing, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, maxRefill)
	defer cancel()
	start := time.Now()
	err := s.refills.seats.take(ctx, m.key.Namespace)
	if err == nil {
		err = s.safely(ctx, m)
		s.refills.seats.giveBack(m.key.Namespace)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log().WarnContext(ctx, "what was asked for cannot be put back", "object", m.key.String(), "digest", string(m.digest), "duration", time.Since(start), "error", err)
	}
	s.refills.land(m, f, err)
}

// safely is a refill whose panic costs no more than itself. It has a goroutine of its own, and reads what registries and tenants send.
func (s *Server) safely(ctx context.Context, m missing) (err error) {
	defer func() {
		if trouble := recover(); trouble != nil {
			err = fmt.Errorf("a panic: %v\n%s", trouble, debug.Stack())
		}
	}()
	return s.Refill.Refill(ctx, m.key, m.digest)
}

// land ends a flight. What failed is remembered for a moment, so that clients who ask again and again cost nothing.
func (r *refills) land(m missing, f *flight, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.err = err
	close(f.done)
	delete(r.flights, m)
	if err == nil {
		return
	}
	if r.failed == nil || len(r.failed) >= maxFailed {
		r.failed = map[missing]failure{}
	}
	r.failed[m] = failure{err, time.Now().Add(missedFor)}
}

// unavailable tells a client to come back: what it asked for is advertised, and cannot be had at the moment.
func unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", fmt.Sprint(missedFor.Seconds()))
	http.Error(w, "not available at the moment", http.StatusServiceUnavailable)
}
