package agent_test

import (
	"fmt"
	"strings"
	"testing"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// What is beyond the administrator's limits is refused before it costs more than it may.
func TestLimits(t *testing.T) {
	t.Parallel()
	r := newShard(t, "limits")
	runAgent(t, agentOptions{Shard: "limits", Args: []string{
		"--layer-max-size=10Ki", "--layer-max-expanded-size=100Ki", "--layer-max-entries=10", "--layer-max-path=40",
	}})
	reg := registry.For(t, registry.Options{})
	var many []string
	for i := range 11 {
		many = append(many, fmt.Sprintf("%d.yaml", i), "a: 1\n")
	}
	good := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "good")
	r.create("good", tagged(reg, "app", "good"))
	r.until("good", exposes(good.revision("good")))
	for name, test := range map[string]struct {
		files []string
		says  string
	}{
		"compressed": {[]string{"noise", noise(11 << 10)}, "limit of 10240"},
		"expanded":   {[]string{"zeros", strings.Repeat("0", 101<<10)}, "102400"},
		"entries":    {many, "10"},
		"path":       {[]string{strings.Repeat("p", 41), "a: 1\n"}, "40"},
	} {
		push(t, reg, "app", folder(test.files...), name)
		before := reg.Proxy.Counts()
		r.create(name, tagged(reg, "app", name))
		o := r.until(name, fails(v1.ReasonLayerOperationFailed))
		if message := messageOf(o); !strings.Contains(message, test.says) {
			t.Errorf("%s: it says %q", name, message)
		}
		if o.Status.Artifact != nil {
			t.Errorf("%s: exposed", name)
		}
		if n := reg.Proxy.Counts().Sub(before).Of("GET", proxy.Blob); name == "compressed" && n != 0 {
			t.Errorf("%s: fetched all the same", name)
		}
	}
}
