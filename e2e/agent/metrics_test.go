package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// family is a metric as a dashboard knows it.
type family struct {
	kind   string
	labels string // sorted, with a space between
}

var (
	typeLine   = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)
	sampleLine = regexp.MustCompile(`(?m)^(\w+)\{([^}]*)\} `)
	labelName  = regexp.MustCompile(`(\w+)="(?:[^"\\]|\\.)*"`)
	metricRow  = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| *(.*?) *\\| [^|]+ \\|[^|]*\\|$")
	groupRow   = regexp.MustCompile("(?m)^\\| `(go_|process_)…` ")
)

// families reads what /metrics shows. A histogram's own label counts for nothing.
func families(text string) map[string]family {
	found := map[string]family{}
	for _, m := range typeLine.FindAllStringSubmatch(text, -1) {
		found[m[1]] = family{kind: m[2]}
	}
	for _, m := range sampleLine.FindAllStringSubmatch(text, -1) {
		name := m[1]
		if _, ok := found[name]; !ok {
			name = regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		}
		var labels []string
		for _, l := range labelName.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" && l[1] != "quantile" {
				labels = append(labels, l[1])
			}
		}
		slices.Sort(labels)
		found[name] = family{found[name].kind, strings.Join(labels, " ")}
	}
	return found
}

// documentedMetrics reads the table of docs/observability.md: each row, and the prefixes of rows that stand for many.
func documentedMetrics(t *testing.T) (rows map[string]family, groups []string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "observability.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows = map[string]family{}
	for _, m := range metricRow.FindAllStringSubmatch(string(page), -1) {
		labels := strings.Fields(strings.NewReplacer("`", "", ",", " ").Replace(m[3]))
		slices.Sort(labels)
		rows[m[1]] = family{m[2], strings.Join(labels, " ")}
	}
	for _, m := range groupRow.FindAllStringSubmatch(string(page), -1) {
		groups = append(groups, m[1])
	}
	return rows, groups
}

// What the documentation says of metrics is what /metrics shows of an agent with all that a Deployment gives it, no more and no less.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	holdElection(t)
	documented, groups := documentedMetrics(t)
	r := newShard(t, "metrics")
	a := runAgent(t, agentOptions{Shard: "metrics", Args: electing()})
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	r.until("app", exposes(p.revision("v1")))
	r.poll("app")
	_, body := get(t, "http://"+a.Metrics+"/metrics")
	shown := families(string(body))
	for name := range shown {
		prefix, _, _ := strings.Cut(name, "_")
		if _, known := documented[name]; !known && slices.Contains(groups, prefix+"_") {
			delete(shown, name)
		}
	}
	if diff := cmp.Diff(documented, shown, cmp.AllowUnexported(family{})); diff != "" {
		t.Errorf("(-documented +shown):\n%s", diff)
	}
	if n := strings.Count(string(body), "# TYPE go_"); n > 40 {
		t.Errorf("the Go runtime alone has %d families", n)
	}
	own := fmt.Sprintf(`gotk_reconcile_duration_seconds_count{kind="OCIRepository",name="app",namespace=%q}`, r.namespace)
	if !strings.Contains(string(body), own) {
		t.Errorf("no %s", own)
	}
	if a.metric(t, "oci_agent_store_bytes", "") <= 0 {
		t.Error("the store is empty")
	}
	r.delete("app")
	for ctx := soon(t); strings.Contains(string(body), own); { // as soon as the agent knows
		if ctx.Err() != nil {
			t.Fatal("the metric of a deleted object stays")
		}
		_, body = get(t, "http://"+a.Metrics+"/metrics")
	}
}
