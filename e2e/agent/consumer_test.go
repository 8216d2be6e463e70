package agent_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// consumers fetch everything that is advertised, all the time, and count.
type consumers struct {
	t       *testing.T
	running sync.WaitGroup
	stop    context.CancelFunc

	mu    sync.Mutex
	count count
}

// count is what came of downloads.
type count struct {
	right   int            // whole, and with the right digest
	wrong   int            // whole, and with another one
	cut     int            // no whole answer: a connection that was refused or broke
	answers map[int]int    // that are not 200, by status
	slowest time.Duration  // until a right one was there
	samples []string       // of what was wrong
	refused map[string]int // which answers each URL got that are not 200
}

func (c count) String() string {
	return fmt.Sprintf("%d right, %d wrong, %d cut, other answers %v, the slowest took %s", c.right, c.wrong, c.cut, c.answers, c.slowest.Round(time.Millisecond))
}

// consume begins to fetch what the room's objects advertise, at both of their addresses, by so many clients.
func consume(t *testing.T, r *room, clients int) *consumers {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c := &consumers{t: t, stop: stop, count: count{answers: map[int]int{}, refused: map[string]int{}}}
	for range clients {
		client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
		c.running.Go(func() {
			defer client.CloseIdleConnections()
			c.fetchAll(ctx, client, r)
		})
	}
	t.Cleanup(func() { c.end() })
	return c
}

// end waits for the last downloads.
func (c *consumers) end() count {
	c.stop()
	c.running.Wait()
	return c.count
}

// untilRight waits for more downloads, so that what happened a moment ago had its chance to do harm.
func (c *consumers) untilRight(more int) {
	c.t.Helper()
	ctx := soon(c.t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for want := c.now().right + more; c.now().right < want; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.t.Fatalf("no more downloads: %s\n%s", c.now(), strings.Join(c.now().samples, "\n"))
		}
	}
}

func (c *consumers) now() count {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.count
	now.answers, now.refused, now.samples = maps.Clone(now.answers), maps.Clone(now.refused), slices.Clone(now.samples)
	return now
}

func (c *consumers) fetchAll(ctx context.Context, client *http.Client, r *room) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		client.CloseIdleConnections() // the next one may lead to another replica
		for _, o := range r.all() {
			if o.Status.Artifact == nil {
				continue
			}
			c.fetch(ctx, client, o.Status.Artifact.URL, o.Status.Artifact.Digest)
			c.fetch(ctx, client, o.Status.URL, "")
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// fetch holds an answer to the digest that the status or the answer's ETag tells.
func (c *consumers) fetch(ctx context.Context, client *http.Client, url, digest string) {
	start := time.Now()
	resp, body, err := fetchWith(ctx, client, url)
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.count.cut++
		c.sample("%s: %v", url, err)
	case resp.StatusCode != http.StatusOK:
		c.count.answers[resp.StatusCode]++
		c.count.refused[url]++
		c.sample("%s: %s %s", url, resp.Status, body)
	case digest != "" && digestOf(body) != digest, digest == "" && resp.Header.Get("Etag") != `"`+digestOf(body)+`"`:
		c.count.wrong++
		c.sample("%s: %d bytes with digest %s", url, len(body), digestOf(body))
	default:
		c.count.right++
		c.count.slowest = max(c.count.slowest, time.Since(start))
	}
}

func (c *consumers) sample(format string, args ...any) {
	if len(c.count.samples) < 5 {
		c.count.samples = append(c.count.samples, time.Now().Format(time.TimeOnly)+" "+fmt.Sprintf(format, args...))
	}
}

// all objects as they are now.
func (r *record) all() []*v1.OCIRepository {
	r.mu.Lock()
	defer r.mu.Unlock()
	var now []*v1.OCIRepository
	for name, versions := range r.versions {
		if !r.gone[name] {
			now = append(now, versions[len(versions)-1])
		}
	}
	return now
}
