package registry

import (
	"context"
	"sync"
	"time"
)

// floor is how many bytes have to move within each idle time of a clock. A byte now and then would keep a caller for years.
const floor = 64 << 10

// clock measures how long a request waits for the other side, and cancels it when that is too long. It is safe for concurrent use.
type clock struct {
	host   string
	idle   time.Duration
	cancel context.CancelFunc

	mu      sync.Mutex
	timer   *time.Timer
	since   time.Time     // when the wait began; zero: the clock rests
	left    time.Duration // how long to wait for the rest of floor
	moved   int           // bytes on the way to floor
	over    bool
	stalled *StallError
}

// newClock gives a clock that rests.
func newClock(host string, idle time.Duration, cancel context.CancelFunc) *clock {
	return &clock{host: host, idle: idle, left: idle, cancel: cancel}
}

// wait lets the clock run, if it rests.
func (c *clock) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over || !c.since.IsZero():
		return
	case c.timer == nil:
		c.timer = time.AfterFunc(c.left, c.stall)
	default:
		c.timer.Reset(c.left)
	}
	c.since = time.Now()
}

// rest lets the clock stand still after n more bytes.
func (c *clock) rest(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.since.IsZero() {
		c.timer.Stop()
		c.left -= time.Since(c.since)
		c.since = time.Time{}
	}
	if c.moved += n; c.moved >= floor {
		c.moved, c.left = 0, c.idle
	}
}

// stop lets the clock rest for good.
func (c *clock) stop() {
	c.rest(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

func (c *clock) stall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	silent := time.Since(c.since) > c.idle/2 // a body that stood still to the end, whatever came before
	c.stalled = &StallError{Host: c.host, For: c.idle, Moved: c.moved > 0 && !silent}
	c.cancel()
}

// explain tells a stall from the caller's own cancelling.
func (c *clock) explain(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled != nil {
		return c.stalled
	}
	return err
}
