package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

// healthy is what two replicas show for two hours when all is well, minute by minute.
const healthy = `load 1m
  oci_agent_store_bytes{job="oci-agent", pod="a"} 1000x120
  oci_agent_store_bytes{job="oci-agent", pod="b"} 1000x120
  oci_agent_object_ready{job="oci-agent", pod="a", namespace="apps", name="app"} 1x120
  oci_agent_registries_in_trouble{job="oci-agent", pod="a"} 0x120
  oci_agent_verifications_total{job="oci-agent", pod="a", result="verified"} 0+1x120
  oci_agent_verifications_total{job="oci-agent", pod="a", result="refused"} 3x120
  oci_agent_verifications_total{job="oci-agent", pod="a", result="unreachable"} 2x75 3x44
  oci_agent_policy_broken{job="oci-agent", pod="a"} 0x120
  leader_election_master_status{job="oci-agent", pod="a", name="oci-agent"} 1x120
  leader_election_master_status{job="oci-agent", pod="b", name="oci-agent"} 0x120
  controller_runtime_reconcile_errors_total{job="oci-agent", pod="a", controller="ocirepository"} 7x120
  controller_runtime_reconcile_errors_total{job="source-controller", pod="x", controller="ocirepository"} 0+1x120
  workqueue_queue_duration_seconds_bucket{job="oci-agent", pod="a", name="ocirepository", le="1"} 0+60x120
  workqueue_queue_duration_seconds_bucket{job="oci-agent", pod="a", name="ocirepository", le="1000"} 0+60x120
  workqueue_queue_duration_seconds_bucket{job="oci-agent", pod="a", name="ocirepository", le="+Inf"} 0+60x120
  workqueue_longest_running_processor_seconds{job="oci-agent", pod="a", name="ocirepository"} 3x120
  process_resident_memory_bytes{job="oci-agent", pod="a"} 100000000x120
`

// ill is what an alert fires for, in the place of the healthy series of the same name, and what its summary or description says then.
var ill = map[string]struct {
	series string
	says   string
}{
	"OCIAgentDown":             {`oci_agent_store_bytes{job="other"} 1x120`, "No replica"},
	"OCIAgentWithoutLeader":    {`leader_election_master_status{job="oci-agent", pod="a", name="oci-agent"} 0x120`, "leads"},
	"OCIObjectNotReady":        {`oci_agent_object_ready{job="oci-agent", pod="a", namespace="apps", name="app"} 0x120`, "OCIRepository apps/app is not ready"},
	"OCISignatureRefused":      {`oci_agent_verifications_total{job="oci-agent", pod="a", result="refused"} 0x110 1x10`, "1 searches"},
	"OCISignaturesUnreachable": {`oci_agent_verifications_total{job="oci-agent", pod="a", result="unreachable"} 0x15 1x15 2x15 3x15 4x15 5x15 6x15 7x15`, "cannot be looked for"}, // as seldom as retries come
	"OCIPolicyUnusable":        {`oci_agent_policy_broken{job="oci-agent", pod="a"} 0x10 1x110`, "policy"},
	"OCIRegistryInTrouble":     {`oci_agent_registries_in_trouble{job="oci-agent", pod="a"} 2x120`, "2 registries"},
	"OCIAgentErrors":           {`controller_runtime_reconcile_errors_total{job="oci-agent", pod="a", controller="ocirepository"} 0+1x120`, "trouble with the API server"},
	"OCIAgentBusy": {`workqueue_queue_duration_seconds_bucket{job="oci-agent", pod="a", name="ocirepository", le="1"} 0x120
  workqueue_queue_duration_seconds_bucket{job="oci-agent", pod="a", name="ocirepository", le="1000"} 0+60x120
  workqueue_queue_duration_seconds_bucket{job="oci-agent", pod="a", name="ocirepository", le="+Inf"} 0+60x120`, "15m"},
	"OCIAgentStuck":   {`workqueue_longest_running_processor_seconds{job="oci-agent", pod="a", name="ocirepository"} 3000x120`, "50m 0s"},
	"OCIAgentMemory":  {`process_resident_memory_bytes{job="oci-agent", pod="a"} 536870912x120`, "512MiB"},
	"OCIStoreFilling": {`oci_agent_store_bytes{job="oci-agent", pod="a"} 10737418240x120`, "10GiB"},
}

// Each alert fires for what it is about, tells it in words, and does not while all is well; and before its time is up it waits.
func TestAlerts(t *testing.T) {
	t.Parallel()
	for _, rule := range rulesOf(t) {
		t.Run(rule.Alert, func(t *testing.T) {
			t.Parallel()
			if fired := evaluate(t, rule, healthy, 110*time.Minute); fired != "" {
				t.Errorf("while all is well: %s", fired)
			}
			sick, ok := ill[rule.Alert]
			if !ok {
				t.Fatal("nobody tests it")
			}
			name, _, _ := strings.Cut(sick.series, "{")
			series := "load 1m\n  " + sick.series + "\n"
			for line := range strings.Lines(healthy) {
				if text := strings.TrimSpace(line); !strings.HasPrefix(text, name+"{") && !strings.HasPrefix(text, "load") {
					series += line
				}
			}
			if fired := evaluate(t, rule, series, 115*time.Minute); !strings.Contains(fired, sick.says) || strings.Contains(fired, "<error") {
				t.Errorf("it says %q, want %q in it", fired, sick.says)
			}
		})
	}
	if n := len(rulesOf(t)); n != len(ill) {
		t.Errorf("%d alerts and %d tests of one", n, len(ill))
	}
}

// evaluate runs a rule each minute as Prometheus does, and gives what the alerts say that fire at the end. None may fire before it has
// held for as long as the rule wants.
func evaluate(t *testing.T, rule monitoringv1.Rule, series string, end time.Duration) (fired string) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr.String())
	if err != nil {
		t.Fatal(err)
	}
	var hold model.Duration
	if rule.For != nil {
		if hold, err = model.ParseDuration(string(*rule.For)); err != nil {
			t.Fatal(err)
		}
	}
	engine := promqltest.NewTestEngine(t, false, 0, 100_000)
	query := rules.EngineQueryFunc(engine, promqltest.LoadedStorage(t, series))
	alert := rules.NewAlertingRule(rule.Alert, expr, time.Duration(hold), 0, labels.FromMap(rule.Labels), labels.FromMap(rule.Annotations),
		labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
	start := time.Unix(0, 0).UTC()
	for at := time.Duration(0); at <= end; at += time.Minute {
		if _, err := alert.Eval(context.WithoutCancel(t.Context()), 0, start.Add(at), query, nil, 0); err != nil {
			t.Fatal(err)
		}
		if at < time.Duration(hold) && alert.State() == rules.StateFiring {
			t.Errorf("it fires after %s", at)
		}
	}
	for _, a := range alert.ActiveAlerts() {
		if a.State == rules.StateFiring {
			fired += a.Annotations.Get("summary") + "; " + a.Annotations.Get("description") + "\n"
		}
	}
	return fired
}
