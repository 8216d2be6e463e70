package agent_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// A registry that asks to be left alone is, by all objects that log in to it in the same way, whatever their interval and whoever
// asks, until the time that it named.
func TestRegistryIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"429": http.StatusTooManyRequests, "503": http.StatusServiceUnavailable} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			reg := registry.For(t, registry.Options{})
			p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
			spec := tagged(reg, "app", "v1")
			r.create("other", spec)
			spec.Interval = often()
			r.create("app", spec)
			for _, name := range []string{"app", "other"} {
				r.until(name, exposes(p.revision("v1")))
			}
			const pause = 4 * time.Second
			reg.Proxy.During(t, proxy.Fault{Status: status, Header: http.Header{"Retry-After": {"4"}}, Times: 1})
			refused, err := reg.Proxy.Wait(soon(t), func(c proxy.Counts) bool { return c.Responses[status] == 1 })
			if err != nil {
				t.Fatal(err)
			}
			since := time.Now()
			for _, name := range []string{"app", "other"} {
				r.ask(name)
				o := r.until(name, fails(v1.ReasonPullFailed))
				if message := messageOf(o); !strings.Contains(message, "asks for fewer requests") {
					t.Errorf("it says %q", message)
				}
				download(t, o)
			}
			if asked := reg.Proxy.Counts().Sub(refused); asked.Of("", "") != 0 && time.Since(since) < pause {
				t.Errorf("the registry was asked meanwhile: %v", asked)
			}
			if _, err := reg.Proxy.Wait(soon(t), func(c proxy.Counts) bool { return c.Sub(refused).Of("", "") > 0 }); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(since); waited < pause-200*time.Millisecond {
				t.Errorf("left alone for %v, not %v", waited, pause)
			}
			for _, name := range []string{"app", "other"} {
				r.until(name, exposes(p.revision("v1")))
				r.untilEvent(name, "Normal", v1.ReasonSucceeded, nil)
			}
		})
	}
}

// Docker Hub counts the GETs of manifests: when they are spent a new revision waits, and all others are polled on.
func TestSpentPullsStopNoPolls(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	first := push(t, reg, "moves", folder("a.yaml", "a: 1\n"), "v1")
	same := push(t, reg, "stays", folder("a.yaml", "a: 1\n"), "v1")
	for name, p := range map[string]pushed{"moves": first, "stays": same} {
		spec := tagged(reg, name, "v1")
		spec.Interval = often()
		r.create(name, spec)
		r.until(name, exposes(p.revision("v1")))
	}
	const window = 5 * time.Second
	reg.Proxy.During(t, proxy.Fault{
		Method: http.MethodGet, Path: regexp.MustCompile("/manifests/"), Times: 1,
		Status: http.StatusTooManyRequests, Header: http.Header{"Ratelimit-Remaining": {"0;w=5"}},
	})
	second := push(t, reg, "moves", folder("a.yaml", "a: 2\n"), "v1")
	spent, err := reg.Proxy.Wait(soon(t), func(c proxy.Counts) bool { return c.Responses[http.StatusTooManyRequests] == 1 })
	if err != nil {
		t.Fatal(err)
	}
	since := time.Now()
	download(t, r.until("moves", fails(v1.ReasonPullFailed)))
	meanwhile, err := reg.Proxy.Wait(soon(t), func(c proxy.Counts) bool { return c.Sub(spent).Of("HEAD", proxy.Manifest) >= 2 })
	if err != nil {
		t.Fatal(err)
	}
	if n := meanwhile.Sub(spent).Of("GET", proxy.Manifest); n != 0 && time.Since(since) < window {
		t.Errorf("%d manifests were asked for meanwhile", n)
	}
	r.until("moves", exposes(second.revision("v1")))
	if waited := time.Since(since); waited < window-200*time.Millisecond {
		t.Errorf("the new revision waited %v", waited)
	}
	if n := len(r.history("stays")); n != 2 { // created, ready
		t.Errorf("what did not change has %d versions", n)
	}
}
