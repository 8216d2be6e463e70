package agent_test

import (
	"net/http"
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
