//go:build linux

package node_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/node"
)

const pollerPod = `apiVersion: v1
kind: Pod
metadata: {name: poller, namespace: steady}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: poller
      image: ` + node.Registry + `/workload:v1
      args: [poll, %q, %q]
      readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`

// startPolling has a Pod download one artifact, by the name in its object's status, looked up anew each time.
func (s *shipped) startPolling(t *testing.T) {
	push(t, copyExample(t, "steady"), "steady")
	kubectl(t, "create", "namespace", "steady")
	kubectl(t, "label", "namespace/steady", "pod-security.kubernetes.io/enforce=restricted", "kubectl-oci.dev/consumer=")
	trustRegistry(t, "steady")
	kubectl(t, "oci", "create", "steady", "-n", "steady", "--url", "oci://"+repository, "--tag", "steady", "--interval", "1m", "--cert-secret", "registry", "--apply")
	kubectl(t, "wait", "-n", "steady", "ocirepository/steady", "--for=condition=Ready", "--timeout=60s")
	url, sum, found := strings.Cut(kubectl(t, "get", "ocirepository/steady", "-n", "steady", "-o", "jsonpath={.status.artifact.url} {.status.artifact.digest}"), " sha256:")
	if !found || !strings.HasPrefix(url, "http://agent."+agentNamespace+".svc") {
		t.Fatalf("the artifact is at %q with digest %q", url, sum)
	}
	apply(t, fmt.Sprintf(pollerPod, url, sum))
	kubectl(t, "wait", "-n", "steady", "pod/poller", "--for=condition=Ready", "--timeout=60s")
}

// stopPolling judges all downloads.
func (s *shipped) stopPolling(t *testing.T) {
	var result struct {
		Passed, Failed int
		Slowest        time.Duration
		Failures       []string
	}
	if err := json.Unmarshal([]byte(kubectl(t, "get", "--raw", "/api/v1/namespaces/steady/pods/poller:8080/proxy/")), &result); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d downloads, the slowest took %v", result.Passed, result.Slowest)
	if result.Failed > 0 || result.Passed < 100 {
		t.Errorf("%d downloads passed, %d failed:\n%s", result.Passed, result.Failed, strings.Join(result.Failures, "\n"))
	}
}
