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
	metricRow  = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| *(.*?) *\\| .+ \\|$")
	elsewhere  = regexp.MustCompile(`^(go|process|workqueue|rest_client|certwatcher|leader_election|controller_runtime)_`)
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
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		slices.Sort(labels)
		found[name] = family{found[name].kind, strings.Join(labels, " ")}
	}
	return found
}

// What the documentation says of metrics is what /metrics shows, no more and no less; what libraries bring is in it by its prefix.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "agent.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]family{}
	for _, m := range metricRow.FindAllStringSubmatch(string(page), -1) {
		labels := strings.Fields(strings.NewReplacer("`", "", ",", " ").Replace(m[3]))
		slices.Sort(labels)
		documented[m[1]] = family{m[2], strings.Join(labels, " ")}
	}
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	r.until("app", exposes(p.revision("v1")))
	r.poll("app")
	_, body := get(t, "http://"+shared.Metrics+"/metrics")
	shown := families(string(body))
	for name := range shown {
		if prefix := elsewhere.FindString(name); prefix != "" {
			if !strings.Contains(string(page), "`"+prefix+"…`") {
				t.Errorf("no word of %s…", prefix)
			}
			delete(shown, name)
		}
	}
	if diff := cmp.Diff(documented, shown, cmp.AllowUnexported(family{})); diff != "" {
		t.Errorf("(-documented +shown):\n%s", diff)
	}
	own := fmt.Sprintf(`gotk_reconcile_duration_seconds_count{kind="OCIRepository",name="app",namespace=%q}`, r.namespace)
	if !strings.Contains(string(body), own) {
		t.Errorf("no %s", own)
	}
	r.delete("app")
	for ctx := soon(t); strings.Contains(string(body), own); { // as soon as the agent knows
		if ctx.Err() != nil {
			t.Fatal("the metric of a deleted object stays")
		}
		_, body = get(t, "http://"+shared.Metrics+"/metrics")
	}
}
