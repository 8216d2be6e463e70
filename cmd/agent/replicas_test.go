package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// trace is what a part of the agent does when it is told to end.
type trace struct {
	takes time.Duration
	err   error
	ended time.Time
}

func (p *trace) run(ctx context.Context) error {
	<-ctx.Done()
	time.Sleep(p.takes) //nolint:forbidigo // simulated time
	p.ended = time.Now()
	return p.err
}

func TestFileServerIsTheLastToStop(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		serve, rest trace
		want        error
		wantTook    time.Duration
	}{
		"nothing goes on":    {trace{}, trace{}, nil, 0},
		"downloads go on":    {trace{takes: 10 * time.Second}, trace{}, nil, 10 * time.Second},
		"reconciles go on":   {trace{}, trace{takes: 20 * time.Second}, nil, 20 * time.Second},
		"both":               {trace{takes: 10 * time.Second}, trace{takes: 20 * time.Second}, nil, 30 * time.Second},
		"both for too long":  {trace{takes: time.Hour}, trace{takes: 40 * time.Second}, nil, 50 * time.Second},
		"the server is lame": {trace{err: broken}, trace{}, broken, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			opts := &options{grace: 50 * time.Second, leaseDuration: 35 * time.Second, renew: 30 * time.Second}
			ctx, terminate := context.WithCancel(t.Context())
			start, last := time.Now(), time.Time{}
			terminate()
			err := serveThroughout(ctx, opts, tc.serve.run, tc.rest.run, func() { last = time.Now() })
			if took := time.Since(start); !errors.Is(err, tc.want) || took != tc.wantTook {
				t.Errorf("%s: %v after %s, want %v after %s", name, err, took, tc.want, tc.wantTook)
			}
			if got := !last.IsZero(); got != (tc.wantTook < opts.grace) {
				t.Errorf("%s: what is left is done: %t", name, got)
			}
			time.Sleep(2 * time.Hour) //nolint:forbidigo // simulated time
			synctest.Wait()
			if tc.serve.ended.Before(tc.rest.ended) || !last.IsZero() && last.Before(tc.serve.ended) {
				t.Errorf("%s: the server ends first, or not before what is left to do", name)
			}
		})
	}
}

// Who lost the lease has ended when another one may have it.
func TestLostLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts := &options{grace: 50 * time.Second, leaseDuration: 35 * time.Second, renew: 30 * time.Second}
		lost := errors.New("leader election lost")
		downloads := &trace{takes: 20 * time.Second}
		start := time.Now()
		err := serveThroughout(t.Context(), opts, downloads.run, func(context.Context) error { return lost }, func() { t.Error("it spends time on what is left to do") })
		if took := time.Since(start); !errors.Is(err, lost) || took != 5*time.Second {
			t.Errorf("%v after %s", err, took)
		}
		time.Sleep(time.Hour) //nolint:forbidigo // simulated time
	})
}

// A server that cannot serve ends the rest.
func TestServerFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no port")
		rest := &trace{takes: time.Second}
		err := serveThroughout(t.Context(), &options{grace: time.Minute}, func(context.Context) error { return broken }, rest.run, func() {})
		if !errors.Is(err, broken) || rest.ended.IsZero() {
			t.Errorf("%v, the rest ended at %s", err, rest.ended)
		}
	})
}
