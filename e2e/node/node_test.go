//go:build linux

package node_test

import (
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/node"
)

// A Pod is scheduled, pulled, run and reached.
func TestPod(t *testing.T) {
	t.Parallel()
	here(t)
	began := time.Now()
	kubectl(t, "run", "hello", "--image="+node.Registry+"/workload:v1", "--", "serve", "hello")
	t.Cleanup(func() { kubectl(t, "delete", "pod/hello", "--now", "--wait=false") })
	kubectl(t, "wait", "--for=condition=Ready", "--timeout=60s", "pod/hello")
	t.Logf("the node was ready after %v, a Pod %v later", shared.Started.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if out := kubectl(t, "get", "--raw", "/api/v1/namespaces/default/pods/hello:8080/proxy/"); out != "hello\n" {
		t.Errorf("the Pod answers %q", out)
	}
}
