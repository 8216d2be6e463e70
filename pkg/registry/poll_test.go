package registry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const testWindow = 10 * time.Second

// slowly is a question that takes a while; the answer is how often it was sent.
type slowly struct {
	takes time.Duration
	sent  atomic.Int32
	err   error
}

func (s *slowly) send(ctx context.Context) (string, error) {
	n := s.sent.Add(1)
	if err := sleep(ctx, s.takes); err != nil {
		return "", err
	}
	return fmt.Sprint(n), s.err
}

func pause(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // simulated time

// kept tells what is remembered when everything is at rest.
func (p *polls) kept() (answers, weight int) {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.recent), p.weight
}

func TestEqualPollsShareOneRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, question := newPolls(testWindow), &slowly{takes: time.Second}
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				pause(time.Duration(i) * 100 * time.Millisecond) // some while it is under way, some later
				if got, err := share(t.Context(), p, pollKey{}, time.Time{}, question.send); got != "1" || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		all.Wait()
		pause(testWindow - 4900*time.Millisecond - time.Nanosecond)
		if got, err := share(t.Context(), p, pollKey{}, time.Time{}, question.send); got != "1" || err != nil {
			t.Errorf("in the last moment: %q, %v", got, err)
		}
		pause(time.Second)
		if got, err := share(t.Context(), p, pollKey{}, time.Time{}, question.send); got != "2" || err != nil {
			t.Errorf("after the window: %q, %v", got, err)
		}
		pause(testWindow)
		if answers, weight := p.kept(); answers != 0 || weight != 0 {
			t.Errorf("%d answers of weight %d are kept for nobody", answers, weight)
		}
	})
}

// What the registry said before somebody asked for a fresh answer, or might have, is not told to that one.
func TestFreshAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, question := newPolls(testWindow), &slowly{takes: 4 * time.Second}
		var all sync.WaitGroup
		ask := func(after time.Time, want string) {
			all.Go(func() {
				if got, err := share(t.Context(), p, pollKey{}, after, question.send); got != want || err != nil {
					t.Errorf("after %s: %q, %v; want %q", after, got, err, want)
				}
			})
			synctest.Wait() // it has joined or begun
		}
		start := time.Now()
		ask(start, "1")
		pause(time.Second)
		ask(time.Time{}, "1")
		ask(start, "1")
		ask(start.Add(time.Second), "2") // while the first one is under way
		pause(time.Second)
		ask(time.Time{}, "2") // the later one
		all.Wait()
		ask(start.Add(time.Second), "2")
		all.Wait()
		ask(start.Add(time.Second+1), "3")
		all.Wait()
		if n := question.sent.Load(); n != 3 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestErrorsAreSharedAndForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, question := newPolls(testWindow), &slowly{takes: time.Second, err: errors.New("no")}
		for round := range 2 {
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() {
					if _, err := share(t.Context(), p, pollKey{}, time.Time{}, question.send); !errors.Is(err, question.err) {
						t.Errorf("got %v", err)
					}
				})
			}
			all.Wait()
			if n := question.sent.Load(); n != int32(round+1) {
				t.Errorf("%d requests in %d rounds", n, round+1)
			}
		}
	})
}

func TestWhoLeavesTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, question := newPolls(testWindow), &slowly{takes: 3 * time.Second}
		first, leave := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := share(first, p, pollKey{}, time.Time{}, question.send); !errors.Is(err, gone) {
				t.Errorf("who left is told %v", err)
			}
		})
		pause(time.Second)
		all.Go(func() {
			if got, err := share(t.Context(), p, pollKey{}, time.Time{}, question.send); got != "1" || err != nil {
				t.Errorf("who stays is told %q, %v", got, err)
			}
		})
		synctest.Wait()
		leave(gone)
		all.Wait()
	})
}

func TestPollThatNobodyWaitsForIsCalledOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, question := newPolls(testWindow), &slowly{takes: 24 * time.Hour}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := share(ctx, p, pollKey{}, time.Time{}, question.send); err == nil {
			t.Error("no error")
		}
		synctest.Wait() // the request ends now
		question.takes = 0
		if got, err := share(t.Context(), p, pollKey{}, time.Time{}, question.send); got != "2" || err != nil {
			t.Errorf("the next one gets %q, %v", got, err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAnswersThatAreTooLongAreNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, sent := newPolls(testWindow), 0
		for i := range 4 {
			_, err := share(t.Context(), p, pollKey{question: fmt.Sprint(i % 2)}, time.Time{}, func(context.Context) ([]string, error) {
				sent++
				return make([]string, MaxTags*2/3), nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		if _, weight := p.kept(); sent != 3 || weight > maxWeight {
			t.Errorf("%d requests, weight %d", sent, weight)
		}
	})
}

// Only equals share: nobody learns what another one's credential, certificate or proxy opens.
func TestOnlyEqualPollsAreShared(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	c := NewClient(Options{Window: time.Hour})
	push(t, open(t, c, host.ref("org/app"), Access{Push: true}))
	push(t, open(t, c, host.ref("org/other"), Access{Push: true}))
	proxy := serveProxy(t, host, "", "")
	_, certificate, _ := newPair(t)
	ways := map[string]Access{
		"anonymous":   {},
		"user":        {Credentials: []Credential{{Username: "u", Password: "p"}}},
		"password":    {Credentials: []Credential{{Username: "u", Password: "q"}}},
		"two":         {Credentials: []Credential{{Username: "u", Password: "p"}, {Username: "v", Password: "p"}}},
		"insecure":    {Insecure: true},
		"timeout":     {Timeout: time.Hour},
		"proxy":       {Proxy: Proxy{Address: proxy.URL}},
		"reach":       {Reach: Reach{Loopback: true}},
		"fresh":       {After: time.Now().Add(time.Minute)},
		"repository":  {},
		"tag":         {},
		"certificate": {TLS: TLS{CA: certificate}},
	}
	for round := range 2 {
		host.take()
		for _, name := range slices.Sorted(maps.Keys(ways)) { // what may be shared before what has to be fresh
			repository, tag := "org/app", "v1"
			if name == "repository" {
				repository = "org/other"
			}
			if name == "tag" {
				tag = "v2"
			}
			if _, err := open(t, c, host.ref(repository), ways[name]).Resolve(t.Context(), tag); err != nil && name != "tag" {
				t.Errorf("%s: %v", name, err)
			}
		}
		heads := 0
		for _, r := range host.take() {
			if r[:4] == http.MethodHead {
				heads++
			}
		}
		want := len(ways)
		if round == 1 {
			want = 2 // what has to be fresh, and what was an error
		}
		if heads != want {
			t.Errorf("round %d: %d HEADs, want %d", round, heads, want)
		}
	}
}

func TestTagListsAreShared(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	c := NewClient(Options{Window: time.Hour})
	push(t, open(t, c, host.ref("org/app"), Access{Push: true}))
	host.take()
	for range 5 {
		got, err := open(t, c, host.ref("org/app"), Access{}).Tags(t.Context())
		if diff := cmp.Diff([]string{"v1"}, got); diff != "" || err != nil {
			t.Errorf("tags (-want +got):\n%s%v", diff, err)
		}
	}
	if diff := cmp.Diff([]string{"GET /v2/org/app/tags/list"}, host.take()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
