package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// Killed at any moment while tags move, restarted on what it left on the disk: whatever is served matches its digest, and in the end
// all is as pushed last.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	const rounds = 15
	r := newShard(t, "crash")
	reg := registry.For(t, registry.Options{})
	c := &crash{t: t, room: r, reg: reg}
	c.push()
	c.agent = runAgent(t, agentOptions{Shard: "crash"})
	spec := tagged(reg, "app", "v1")
	spec.Interval = often()
	r.create("app", spec)
	r.until("app", want{"ready", isReady})

	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	busy.Go(func() { c.moveTags(ctx) })
	busy.Go(func() { c.readAlways(ctx) })
	for round := range rounds {
		c.untilMoment(round)
		c.agent.kill()
		c.agent = c.agent.again(t)
	}
	stop()
	busy.Wait()
	last := c.push()
	r.ask("app")
	o := r.until("app", exposes(last.revision("v1")))
	download(t, o)
	if c.reads == 0 {
		t.Error("nothing was ever downloaded meanwhile")
	}
	t.Logf("%d kills, %d tags moved, %d downloads, %d versions", rounds, c.moves, c.reads, len(r.history("app")))
}

// crash is what goes on while an agent is killed.
type crash struct {
	*room
	t     *testing.T
	reg   *registry.Registry
	agent *agent // the one that runs now
	moves int
	reads int
}

// push moves the tag to other bytes: too many for the agent to keep them in memory.
func (c *crash) push() pushed {
	c.moves++
	return push(c.t, c.reg, "app", folder("a.yaml", fmt.Sprintf("a: %d\n", c.moves), "noise", noise(1500<<10)), "v1")
}

// untilMoment waits for a request of the agent, another one in each round, or for what follows from it.
func (c *crash) untilMoment(round int) {
	c.t.Helper()
	if round%5 == 4 {
		n := len(c.history("app"))
		c.wait("app", "the status changes", func() bool { return len(c.versions["app"]) > n })
		return
	}
	moments := []proxy.Counts{
		{Requests: map[string]int{"HEAD manifest": 1}},
		{Requests: map[string]int{"GET manifest": 1}},
		{Requests: map[string]int{"GET blob": 1}},
		{Sent: int64(round) * 150 << 10}, // somewhere in a blob
	}
	moment, before := moments[round%5], c.reg.Proxy.Counts()
	_, err := c.reg.Proxy.Wait(soon(c.t), func(now proxy.Counts) bool {
		now = now.Sub(before)
		for request, n := range moment.Requests {
			if now.Requests[request] < n {
				return false
			}
		}
		return now.Sent >= moment.Sent
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// moveTags pushes something new whenever the agent has looked.
func (c *crash) moveTags(ctx context.Context) {
	for {
		seen := c.reg.Proxy.Counts().Of("HEAD", proxy.Manifest)
		_, err := c.reg.Proxy.Wait(ctx, func(now proxy.Counts) bool { return now.Of("HEAD", proxy.Manifest) > seen })
		if err != nil {
			return
		}
		c.push()
	}
}

// readAlways downloads what the status advertises, and the newest bytes, again and again.
func (c *crash) readAlways(ctx context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		all := c.history("app")
		status := all[len(all)-1].Status
		c.read(ctx, status.URL, "")
		c.read(ctx, status.Artifact.URL, status.Artifact.Digest)
	}
}

// read holds an answer, when there is a whole one, to the digest that the status or the answer's ETag tells.
func (c *crash) read(ctx context.Context, url, digest string) {
	resp, body, err := fetch(ctx, url)
	if err != nil || resp.StatusCode == http.StatusNotFound {
		return // no agent, or one that died meanwhile, or that is about to fetch what it lost
	}
	if digest == "" {
		digest = resp.Header.Get("Etag")[1:72]
	}
	if resp.StatusCode != http.StatusOK || digestOf(body) != digest {
		c.t.Errorf("GET %s: %s, %d bytes with digest %s, want %s", url, resp.Status, len(body), digestOf(body), digest)
	}
	c.reads++
}

// The same for many objects at once, killed while they all come into being.
func TestKilledAtTheStart(t *testing.T) {
	t.Parallel()
	r := newShard(t, "crash-start")
	reg := registry.For(t, registry.Options{})
	a := runAgent(t, agentOptions{Shard: "crash-start"})
	revisions := map[string]string{}
	for i := range 20 {
		name := fmt.Sprintf("app-%d", i)
		revisions[name] = push(t, reg, name, folder("a.yaml", noise(10<<10)), "v1").revision("v1")
		r.create(name, tagged(reg, name, "v1"))
	}
	for _, n := range []int{5, 12} {
		if _, err := reg.Proxy.Wait(soon(t), func(c proxy.Counts) bool { return c.Of("GET", proxy.Blob) >= n }); err != nil {
			t.Fatal(err)
		}
		a.kill()
		a = a.again(t)
	}
	for name, revision := range revisions {
		download(t, r.until(name, exposes(revision)))
	}
	if n := len(a.files(t, "tmp")); n > 0 {
		t.Errorf("%d temporary files are left", n)
	}
}
