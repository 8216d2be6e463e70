//go:build linux

package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/node"
)

func (s *shipped) restart(t *testing.T) {
	before := agents(t)
	kubectl(t, "rollout", "restart", "-n", agentNamespace, "deployment/agent")
	rolledOut(t, agentNamespace, "agent")
	for _, name := range agents(t) {
		if slices.Contains(before, name) {
			t.Errorf("%s is from before", name)
		}
	}
}

// deleteLeader has another take over, which answers requests.
func (s *shipped) deleteLeader(t *testing.T) {
	kubectl(t, "delete", "-n", agentNamespace, "pod/"+leader(t)) // returns when it is gone
	gone := time.Now()
	revision := push(t, copyExample(t, "three"), "prod")
	if out := kubectl(t, "oci", "reconcile", "app", "-n", "shop", "--timeout", "1m"); !strings.Contains(out, revision) {
		t.Errorf("reconcile says %q, want %s in it", out, revision)
	}
	t.Logf("a push was reconciled %v after the leader was gone", time.Since(gone).Round(time.Millisecond))
	delivered(t, revision, "three")
	rolledOut(t, agentNamespace, "agent")
}

// drain evicts one replica. The other has to stay, since nowhere is room for another, until the node takes Pods again.
func (s *shipped) drain(t *testing.T) {
	out, err := try(t, "drain", node.Name, "--pod-selector="+agentLabel, "--delete-emptydir-data", "--timeout=8s")
	if err == nil || !strings.Contains(err.Error(), "disruption budget") {
		t.Errorf("the drain was not held up: %v\n%s", err, out)
	}
	if ready := kubectl(t, "get", "deployment/agent", "-n", agentNamespace, "-o", "jsonpath={.status.readyReplicas}"); ready != "1" {
		t.Errorf("%q replicas are ready, want one evicted and one kept", ready)
	}
	kubectl(t, "uncordon", node.Name)
	rolledOut(t, agentNamespace, "agent")
}

// agents are the names of the Pods that do not end.
func agents(t *testing.T) []string {
	t.Helper()
	out := kubectl(t, "get", "pods", "-n", agentNamespace, "-l", agentLabel, "-o", `jsonpath={range .items[*]}{.metadata.name}={.metadata.deletionTimestamp} {end}`)
	var names []string
	for field := range strings.FieldsSeq(out) {
		if name, ended, _ := strings.Cut(field, "="); ended == "" {
			names = append(names, name)
		}
	}
	return names
}

// leader is the name of the Pod that holds the lease, as soon as that is one that does not end.
func leader(t *testing.T) string {
	t.Helper()
	var name string
	eventually(t, func() (seen string, ok bool) {
		name = leaseHolder(t)
		running := agents(t)
		return fmt.Sprintf("%q holds the lease, the Pods are %v", name, running), slices.Contains(running, name)
	})
	return name
}

func leaseHolder(t *testing.T) string {
	t.Helper()
	name, _, _ := strings.Cut(kubectl(t, "get", "lease/oci-agent", "-n", agentNamespace, "-o", "jsonpath={.spec.holderIdentity}"), "_")
	return name
}
