package policy

import (
	"os"
	"regexp"
	"testing"
)

// What we ship and what we show has to work as it is.
func TestExamples(t *testing.T) {
	t.Parallel()
	shipped, err := os.ReadFile("../../manifests/components/policy/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllSubmatch(page, -1)
	if len(blocks) != 2 {
		t.Fatalf("docs/policy.md shows %d policies", len(blocks))
	}
	shown := blocks[0]
	if p := mustParse(t, string(blocks[1][1])); len(p.Rules()) != 1 || len(p.Rules()[0].Verify.Attestations) != 1 {
		t.Errorf("docs/policy.md shows rules that ask for %+v", p.Rules())
	}
	for name, test := range map[string]struct {
		raw                   []byte
		namespace, repository string
		want                  Rule
	}{
		"shipped, platform": {shipped, "flux-system", "registry.infra.svc:5000/app", Rule{Name: "rule 1", Reach: Reach{Public: true}}}, // never without TLS
		"shipped, others":   {shipped, "team-a", "ghcr.io/org/app", Rule{Name: "rule 1", Reach: Reach{Public: true}}},
		"shown, platform":   {shown[1], "oci-system", "registry.infra.svc.cluster.local:5000/a/b", Rule{Name: "rule 1", Insecure: true, Reach: Reach{Private: true}}},
		"shown, team":       {shown[1], "team-a", "index.docker.io/my-org/app", Rule{Name: "rule 2", Reach: Reach{Public: true}}},
		"shown, others":     {shown[1], "default", "ghcr.io/my-org/app", Rule{}},
	} {
		p, err := Parse(test.raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := p.For(test.namespace, test.repository)
		if got != test.want || (err == nil) != (test.want != Rule{}) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}
