package agent_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// Probes, and the metrics that dashboards read.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	r.until("app", exposes(p.revision("v1")))
	r.poll("app")
	for url, want := range map[string]int{
		"http://" + shared.Health + "/healthz":  http.StatusOK,
		"http://" + shared.Health + "/readyz":   http.StatusOK,
		"http://" + shared.Storage + "/":        http.StatusOK, // the probe of Flux's own Deployment
		"http://" + shared.Storage + "/healthz": http.StatusNotFound,
		"http://" + shared.Storage + "/metrics": http.StatusNotFound,
		"http://" + shared.Metrics + "/metrics": http.StatusOK,
	} {
		if resp, _ := get(t, url); resp.StatusCode != want {
			t.Errorf("GET %s: %s, want %d", url, resp.Status, want)
		}
	}
	labels := `kind="OCIRepository",name="app",namespace="` + r.namespace + `"`
	if n := shared.metric(t, "gotk_reconcile_duration_seconds_count", labels); n != 2 {
		t.Errorf("%v reconciles are counted, not 2", n)
	}
	if n := shared.metric(t, "controller_runtime_reconcile_total", `controller="ocirepository"`); n < 2 {
		t.Errorf("%v reconciles in controller-runtime's own metric", n)
	}
	r.delete("app")
	untilGone(t, "http://"+shared.Storage+"/ocirepository/"+r.namespace+"/app/latest.tar.gz")
	if n := shared.metric(t, "gotk_reconcile_duration_seconds_count", labels); n != 0 {
		t.Errorf("the metric of an object that is gone stays: %v", n)
	}
}

// A Deployment patched for Flux's controller must not crash, and mistakes must not run.
func TestFlags(t *testing.T) {
	t.Parallel()
	a := runAgent(t, agentOptions{Shard: "flags", Args: []string{
		"--events-addr=http://notification-controller.flux-system.svc.cluster.local./", "--artifact-digest-algo=sha256",
		"--helm-cache-max-size=10", "--feature-gates=ObjectLevelWorkloadIdentity=true", "--log-encoding=console",
	}})
	a.terminate(t)
	if err := a.Err().Error(); !strings.Contains(err, "exit status 0") {
		t.Error(err)
	}
	for _, flag := range []string{"--no-such-flag", "--concurrent=0", "--interval-jitter-percentage=100"} {
		wrong, err := startAgent(soon(t), agentOptions{Dir: t.TempDir(), Shard: "flags", Args: []string{flag}})
		if err == nil {
			wrong.Stop()
			t.Fatalf("an agent starts with %s", flag)
		}
		name, _, _ := strings.Cut(flag[2:], "=")
		if !strings.Contains(err.Error(), "exit status 2") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
