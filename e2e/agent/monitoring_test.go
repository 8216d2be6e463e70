package agent_test

import (
	"strings"
	"testing"
)

// The components that let people see what the agent does: kubectl makes them into what they say, and no Service leads to the status page.
// What the API server of a bare cluster does not know, the operator's kinds, is tested with the rules.
func TestComponentsToSeeTheAgent(t *testing.T) {
	t.Parallel()
	dir := customization(t, "resources: [%[1]s]\ncomponents: [%[1]s/components/monitoring, %[1]s/components/status]\n")
	out, err := kubectl(soon(t), "", "kustomize", dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"kind: ServiceMonitor\n", "kind: PrometheusRule\n", "- alert: OCIAgentDown\n", "grafana_dashboard: \"1\"\n", "oci-agent.json: |", "name: agent-metrics\n",
		"- --status-addr=:9091\n",
	} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q", part)
		}
	}
	if strings.Contains(out, "port: 9091") || strings.Contains(out, "containerPort: 9091") {
		t.Error("the status page has a port that others reach")
	}
	for object := range strings.SplitSeq(out, "\n---\n") {
		if !strings.Contains(object, "kind: ServiceMonitor") && !strings.Contains(object, "kind: PrometheusRule") {
			if _, err := kubectl(soon(t), object, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"); err != nil {
				t.Error(err)
			}
		}
	}
}
