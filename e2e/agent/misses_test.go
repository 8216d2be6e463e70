package agent_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// A hundred downloads of things that are all missing, at the same time and twice each: every one is answered with the right bytes, each
// layer is fetched once, and the memory that it takes does not grow with them.
func TestHundredMisses(t *testing.T) {
	t.Parallel()
	const misses, size, most = 100, 2 << 20, 100 << 20 // of 200 MiB
	f := newFleet(t, "misses", 1)
	f.flags = []string{"--leader-election-lease-duration=60s", "--leader-election-renew-deadline=50s"} // the downloads keep the machine busy
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n", "noise", noise(size)), "v1")
	a := f.start(0)
	for i := range misses {
		f.create(fmt.Sprintf("app-%d", i), tagged(reg, "app", "v1"))
	}
	urls := map[string]string{}
	for i := range misses {
		o := f.until(fmt.Sprintf("app-%d", i), exposes(p.revision("v1")))
		urls[o.Status.Artifact.URL] = o.Status.Artifact.Digest
	}
	f.crash(a)
	before := reg.Proxy.Counts()
	a = f.again(a)[0] // which has to wait for the lease before it reconciles anything

	stop, peak := make(chan struct{}), 0.0
	var watching, clients sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			peak = max(peak, a.metric(t, "go_memstats_heap_inuse_bytes", ""))
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	})
	start := time.Now()
	for url, digest := range urls {
		for range 2 {
			clients.Go(func() {
				resp, body, err := fetch(soon(t), url)
				if err != nil || resp.StatusCode != http.StatusOK || digestOf(body) != digest {
					t.Errorf("GET %s: %v, %v, %d bytes", url, resp, err, len(body))
				}
			})
		}
	}
	clients.Wait()
	took := time.Since(start)
	close(stop)
	watching.Wait()
	n := reg.Proxy.Counts().Sub(before).Of("GET", proxy.Blob)
	t.Logf("%d downloads in %s, %d layers of %d MiB fetched, at most %.0f MiB of heap", 2*misses, took.Round(time.Millisecond), n, size>>20, peak/(1<<20))
	if peak > most || peak == 0 {
		t.Errorf("%.0f MiB of heap", peak/(1<<20))
	}
	if n > misses+10 { // where an object's turn to be reconciled has come too
		t.Errorf("%d layers fetched for %d objects", n, misses)
	}
}
