package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

const (
	component = "../../manifests/components/monitoring"
	docs      = "../../docs/observability.md"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// rulesOf is the component's rules, with every field known to the operator.
func rulesOf(t *testing.T) (all []monitoringv1.Rule) {
	t.Helper()
	var object monitoringv1.PrometheusRule
	if err := yaml.UnmarshalStrict(read(t, filepath.Join(component, "rules.yaml")), &object); err != nil {
		t.Fatal(err)
	}
	for _, group := range object.Spec.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

// Metrics are documented as docs/observability.md has them; a test of the agent holds that table to what the agent has.
type metrics map[string]documented

type documented struct {
	kind   string
	labels []string
}

var metricRow = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| *(.*?) *\\|")

func documentedMetrics(t *testing.T) metrics {
	t.Helper()
	found := metrics{}
	for _, m := range metricRow.FindAllStringSubmatch(string(read(t, docs)), -1) {
		found[m[1]] = documented{m[2], strings.Fields(strings.NewReplacer("`", "", ",", " ").Replace(m[3]))}
	}
	if len(found) < 20 {
		t.Fatalf("only %d metrics are documented", len(found))
	}
	return found
}

// of finds the metric that a series belongs to.
func (m metrics) of(series string) (documented, bool) {
	if found, ok := m[series]; ok {
		return found, found.kind != "histogram"
	}
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if found, ok := m[strings.TrimSuffix(series, part)]; ok && strings.HasSuffix(series, part) {
			return found, found.kind == "histogram"
		}
	}
	return documented{}, false
}

// scraped are labels that a scrape adds.
var scraped = []string{"job", "instance", "pod"}

// check holds a query to the metrics and labels that there are.
func (m metrics) check(t *testing.T, where, query string) {
	t.Helper()
	variables := strings.NewReplacer("$__rate_interval", "5m", "$namespace", ".*")
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(variables.Replace(query))
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	known := slices.Clone(scraped)
	selectors := 0
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		selectors++
		metric, ok := m.of(selector.Name)
		if !ok {
			t.Errorf("%s: there is no series %s", where, selector.Name)
		}
		labels := append(slices.Clone(scraped), metric.labels...)
		if metric.kind == "histogram" {
			labels = append(labels, "le")
		}
		known = append(known, labels...)
		ours := false
		for _, matcher := range selector.LabelMatchers {
			if matcher.Name != "__name__" && !slices.Contains(labels, matcher.Name) {
				t.Errorf("%s: %s has no label %s", where, selector.Name, matcher.Name)
			}
			ours = ours || matcher.Name == "job" && matcher.Value == "oci-agent"
		}
		if !ours {
			t.Errorf("%s: %s may be another program's: ask for the job", where, selector.Name)
		}
		return nil
	})
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if sum, ok := node.(*parser.AggregateExpr); ok {
			for _, label := range sum.Grouping {
				if !slices.Contains(known, label) {
					t.Errorf("%s: nothing has the label %s", where, label)
				}
			}
		}
		return nil
	})
	if selectors == 0 {
		t.Errorf("%s asks for nothing", where)
	}
}

func TestRulesAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	known := documentedMetrics(t)
	all := rulesOf(t)
	for _, rule := range all {
		known.check(t, rule.Alert, rule.Expr.String())
	}
	if len(all) < 10 {
		t.Errorf("only %d rules were found", len(all))
	}
}

// Whoever is woken finds what to do: the address that an alert gives leads to a heading of the documentation.
func TestEveryAlertHasARunbook(t *testing.T) {
	t.Parallel()
	page := string(read(t, docs))
	for _, rule := range rulesOf(t) {
		want := "https://github.com/kubectl-oci/kubectl-oci/blob/main/docs/observability.md#" + strings.ToLower(rule.Alert)
		if got := rule.Annotations["runbook_url"]; got != want {
			t.Errorf("%s leads to %s", rule.Alert, got)
		}
		_, text, found := strings.Cut(page, "\n### "+rule.Alert+"\n")
		text, _, _ = strings.Cut(text, "\n### ")
		if !found || len(strings.TrimSpace(text)) < 80 {
			t.Errorf("%s: the page does not say what to do", rule.Alert)
		}
		if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s tells nothing", rule.Alert)
		}
		if severity := rule.Labels["severity"]; severity != "warning" && severity != "critical" {
			t.Errorf("%s is %q", rule.Alert, severity)
		}
	}
	for _, heading := range regexp.MustCompile(`(?m)^### (OCI\w+)$`).FindAllStringSubmatch(page, -1) {
		if !slices.ContainsFunc(rulesOf(t), func(r monitoringv1.Rule) bool { return r.Alert == heading[1] }) {
			t.Errorf("there is no alert %s", heading[1])
		}
	}
}

// The ServiceMonitor selects the Service beside it, has fields that the operator knows alone, and gives the job that queries ask for.
func TestServiceMonitor(t *testing.T) {
	t.Parallel()
	service, text, _ := strings.Cut(string(read(t, filepath.Join(component, "servicemonitor.yaml"))), "\n---\n")
	var monitor monitoringv1.ServiceMonitor
	if err := yaml.UnmarshalStrict([]byte(text), &monitor); err != nil {
		t.Fatal(err)
	}
	var selected struct {
		Metadata struct{ Labels map[string]string }
		Spec     struct{ Ports []struct{ Name string } }
	}
	if err := yaml.Unmarshal([]byte(service), &selected); err != nil {
		t.Fatal(err)
	}
	for label, value := range monitor.Spec.Selector.MatchLabels {
		if selected.Metadata.Labels[label] != value {
			t.Errorf("the Service has not %s=%s", label, value)
		}
	}
	if selected.Metadata.Labels[monitor.Spec.JobLabel] != "oci-agent" {
		t.Errorf("the job is %q", selected.Metadata.Labels[monitor.Spec.JobLabel])
	}
	if e := monitor.Spec.Endpoints[0]; e.Port != selected.Spec.Ports[0].Name || !e.HonorLabels {
		t.Errorf("got %+v", e)
	}
}

func TestDashboard(t *testing.T) {
	t.Parallel()
	text := read(t, dashboardFile)
	if made, err := dashboard(); err != nil || !bytes.Equal(made, text) {
		t.Errorf("it is not what its generator writes: run make generate (%v)", err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
			GridPos struct{ X, Y, W, H int }
		}
		Templating struct {
			List []struct{ Query any }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	known, taken := documentedMetrics(t), map[[2]int]string{}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			known.check(t, p.Title, target.Expr)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies over %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	if len(board.Panels) < 15 {
		t.Errorf("only %d panels", len(board.Panels))
	}
}
