package agent_test

import (
	"testing"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// Objects are polled at their interval with some jitter, and never more than about once a second.
func TestInterval(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ interval, shortest time.Duration }{
		"too-often": {100 * time.Millisecond, 950 * time.Millisecond},
		"slower":    {1500 * time.Millisecond, 1425 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reg := registry.For(t, registry.Options{})
			p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
			spec := tagged(reg, "app", "v1")
			spec.Interval = v1.Duration{Duration: test.interval}
			r := newRoom(t)
			r.create(name, spec)
			r.until(name, exposes(p.revision("v1")))
			const polls, tolerance = 5, time.Second // between a request and when a loaded machine lets the test see it
			start := time.Now()
			for n := range polls {
				seen := reg.Proxy.Counts().Of("HEAD", proxy.Manifest)
				if _, err := reg.Proxy.Wait(soon(t), func(c proxy.Counts) bool { return c.Of("HEAD", proxy.Manifest) > seen }); err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					start = time.Now()
				}
			}
			if took := time.Since(start); took < (polls-1)*test.shortest-tolerance {
				t.Errorf("%d polls took %v", polls, took)
			}
		})
	}
}
