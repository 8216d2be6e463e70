package registry

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"
)

// polls lets equal questions share one request: those asked while it is under way, and those asked shortly after. It is safe for
// concurrent use.
type polls struct {
	window time.Duration // how long an answer counts, from when it was asked for; zero: nothing is shared

	mu     sync.Mutex
	recent map[pollKey]*poll
	weight int // of the answers that are remembered
}

// pollKey tells equal questions from others: what is asked, of whom, on which way, and as whom.
type pollKey struct {
	routeKey
	credentials [sha256.Size]byte
	timeout     time.Duration
	repository  string
	question    string
}

// poll is a question that is under way or answered.
type poll struct {
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed when answer and err are there
	answer any
	err    error

	waiting int // under the lock of polls
}

// maxWeight bounds what is remembered: so many tags, or answers to other questions.
const maxWeight = MaxTags

func newPolls(window time.Duration) *polls {
	return &polls{window: window, recent: map[pollKey]*poll{}}
}

// share sends a question, or gives the answer to an equal one that was sent after the given time. Whoever waits for it waits as long as
// the own context allows; it is called off when nobody waits any more. Errors are told to who waits and then forgotten.
func share[T any](ctx context.Context, p *polls, key pollKey, after time.Time, send func(context.Context) (T, error)) (T, error) {
	if p.window <= 0 {
		return send(ctx)
	}
	shared := p.join(ctx, key, after, func(ctx context.Context) (any, error) { return send(ctx) })
	defer p.leave(key, shared)
	select {
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	case <-shared.done:
		answer, _ := shared.answer.(T)
		return answer, shared.err
	}
}

// join gives a poll that began at the given time or later.
func (p *polls) join(ctx context.Context, key pollKey, after time.Time, send func(context.Context) (any, error)) *poll {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.recent[key]; ok && !known.began.Before(after) {
		known.waiting++
		return known
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	started := &poll{began: time.Now(), cancel: cancel, done: make(chan struct{}), waiting: 1}
	p.recent[key] = started
	go func() {
		defer cancel()
		started.answer, started.err = safely(func() (any, error) { return send(ctx) })
		p.finish(key, started)
	}()
	return started
}

// safely makes a panic an error. A registry's answers are read by libraries, too, and in a goroutine of our own nobody else would keep one
// answer from ending the process.
func safely[T any](read func() (T, error)) (answer T, err error) {
	defer func() {
		if trouble := recover(); trouble != nil {
			err = fmt.Errorf("read the registry's answer: %v", trouble)
		}
	}()
	return read()
}

// finish tells who waits, and remembers the answer for those who ask within the window.
func (p *polls) finish(key pollKey, done *poll) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(done.done)
	left := p.window - time.Since(done.began)
	weight := weigh(done.answer)
	if p.recent[key] != done {
		return
	}
	if done.err != nil || left <= 0 || p.weight+weight > maxWeight {
		delete(p.recent, key)
		return
	}
	p.weight += weight
	time.AfterFunc(left, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.weight -= weight
		p.drop(key, done)
	})
}

// leave is for who joined and waits no longer.
func (p *polls) leave(key pollKey, shared *poll) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shared.waiting--
	select {
	case <-shared.done:
	default:
		if shared.waiting == 0 {
			shared.cancel()
			p.drop(key, shared)
		}
	}
}

// drop forgets a poll, unless a later one took its place.
func (p *polls) drop(key pollKey, old *poll) {
	if p.recent[key] == old {
		delete(p.recent, key)
	}
}

func weigh(answer any) int {
	if tags, ok := answer.([]string); ok {
		return 1 + len(tags)
	}
	return 1
}
