package policy

import (
	"strings"
	"testing"
)

const header = "apiVersion: policy.kubectl-oci.dev/v1alpha1\nkind: SourcePolicy\n"

func mustParse(t *testing.T, rules string) *Policy {
	t.Helper()
	p, err := Parse([]byte(header + rules))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFirstRuleThatMatchesDecides(t *testing.T) {
	t.Parallel()
	p := mustParse(t, `rules:
  - namespaces: [infra, platform-*]
    registries: [registry.infra.svc:5000/**, ghcr.io/org/*]
    insecure: true
    addresses: [private, loopback]
  - namespaces: [infra]
    registries: ["docker.io/org/app"]
  - namespaces: ["team-*"]
    registries: ["*.example.com/**"]
    addresses: [public]
`)
	tests := []struct {
		namespace, repository, want string // the rule's name; empty: refused
	}{
		{"infra", "registry.infra.svc:5000/a", "rule 1"},
		{"platform-a", "registry.infra.svc:5000/a/b/c", "rule 1"},
		{"platform", "registry.infra.svc:5000/a", ""},
		{"infra", "registry.infra.svc/a", ""},
		{"infra", "registry.infra.svc:5001/a", ""},
		{"infra", "ghcr.io/org/app", "rule 1"},
		{"infra", "GHCR.io:443/org/app", "rule 1"},
		{"infra", "ghcr.io./org/app", "rule 1"},
		{"infra", "ghcr.io:80/org/app", ""},
		{"infra", "ghcr.io/org/app/part", ""},
		{"infra", "ghcr.io/organisation/app", ""},
		{"infra", "docker.io/org/app", "rule 2"},
		{"infra", "index.docker.io/org/app", "rule 2"},
		{"infra", "registry-1.docker.io/org/app", "rule 2"},
		{"infra", "docker.io/org/app/part", ""},
		{"team-a", "docker.io/org/app", ""},
		{"team-a", "registry.example.com/a/b", "rule 3"},
		{"team-a", "registry.example.com:5000/a", ""},
		{"team-a", "evil.test/registry.example.com/a", ""},
		{"team-a", "example.com/a", ""},
		{"other", "registry.example.com/a", ""},
	}
	for _, test := range tests {
		rule, err := p.For(test.namespace, test.repository)
		if rule.Name != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s for %s: got %q, %v, want %q", test.repository, test.namespace, rule.Name, err, test.want)
		}
	}
}

func TestWhatARulePermits(t *testing.T) {
	t.Parallel()
	for rules, want := range map[string]Rule{
		"rules: [{}]":                                      {Name: "rule 1", Reach: Reach{Public: true, Private: true}},
		"rules: [{insecure: TRUE}]":                        {Name: "rule 1", Insecure: true, Reach: Reach{Public: true, Private: true}},
		"rules: [{insecure: true}]":                        {Name: "rule 1", Insecure: true, Reach: Reach{Public: true, Private: true}},
		"rules: [{addresses: [public]}]":                   {Name: "rule 1", Reach: Reach{Public: true}},
		"rules: [{addresses: [loopback, linkLocal]}]":      {Name: "rule 1", Reach: Reach{Loopback: true, LinkLocal: true}},
		"rules: [{namespaces: [b]}, {registries: ['**']}]": {Name: "rule 2", Reach: Reach{Public: true, Private: true}},
	} {
		got, err := mustParse(t, rules).For("a", "ghcr.io/org/app")
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", rules, got, err, want)
		}
	}
}

// Without a file nobody is locked out, and nobody gets to the agent's own machine or a cloud's metadata.
func TestWithoutAPolicy(t *testing.T) {
	t.Parallel()
	var none *Policy
	got, err := none.For("a", "ghcr.io/org/app")
	if want := (Rule{Insecure: true, Reach: Reach{Public: true, Private: true}}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestRefusalNamesWhatIsRefused(t *testing.T) {
	t.Parallel()
	_, err := mustParse(t, "rules: [{namespaces: [a]}]").For("b", "ghcr.io/org/app")
	if want := `no rule permits "ghcr.io/org/app" to namespace "b"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReachReadsLikeTheFile(t *testing.T) {
	t.Parallel()
	if got := (Reach{Public: true, LinkLocal: true}).String(); got != "public, linkLocal" {
		t.Errorf("got %q", got)
	}
}

// A mistake must not become a policy that says something else.
func TestMistakesAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ file, want string }{
		"a word":                  {"foo\n", "line 1: `foo` is not a policy, with apiVersion, kind and rules"},
		"list of keys":            {header + "rules:\n- verify: {keys: [a]}\n", "line 4: a list is not a text for each name, such as name: …"},
		"fields for a list":       {header + "rules:\n- namespaces: {a: b}\n", "line 4: what has fields is not a list"},
		"nothing":                 {"", `apiVersion is ""`},
		"another version":         {"apiVersion: policy.kubectl-oci.dev/v2\nkind: SourcePolicy\n", `apiVersion is "policy.kubectl-oci.dev/v2"`},
		"another kind":            {"apiVersion: policy.kubectl-oci.dev/v1alpha1\nkind: Policy\n", `kind is "Policy"`},
		"no rules":                {header, "rules: there is none"},
		"rules without a value":   {header + "rules:\n", "line 3: a value is missing"},
		"unknown field":           {header + "rules:\n- {}\nspec: {}\n", "line 5: there is no field spec, but apiVersion, kind and rules"},
		"unknown field of a rule": {header + "rules:\n- registries: ['**']\n  adresses: [public]\n", "line 5: there is no field adresses in a rule, but namespaces, registries, insecure, addresses and verify"},
		"key that occurs twice":   {header + "rules:\n- insecure: false\n  insecure: true\n", "line 5: mapping key"},
		"yes":                     {header + "rules:\n- insecure: yes\n", "line 4: `yes` is not true or false"},
		"on, and more":            {header + "rules:\n- insecure: On\n  a: b\n", "line 4: `On` is not true or false; line 5: there is no field a in a rule"},
		"not a boolean":           {header + "rules:\n- insecure: maybe\n", "line 4: `maybe` is not true or false"},
		"not a list":              {header + "rules:\n- namespaces: a\n", "line 4: `a` is not a list, such as [a, b]"},
		"field without a value":   {header + "rules:\n- registries: ['**']\n  namespaces:\n", "line 5: a value is missing"},
		"empty list":              {header + "rules:\n- namespaces: []\n", "line 4: a value is missing"},
		"rule without a value":    {header + "rules:\n-\n", "line 4: a value is missing"},
		"element without a value": {header + "rules:\n- namespaces: [a, ~]\n", "line 4: a value is missing"},
		"no YAML":                 {header + "rules: [", "line"},
		"two documents":           {header + "rules: [{}]\n---\n" + header, "more than one document"},
		"class":                   {header + "rules: [{}, {addresses: [public, vpn]}]", `rule 2: addresses: "vpn" is not public`},
		"class in capitals":       {header + "rules: [{addresses: [Public]}]", `rule 1: addresses: "Public"`},
		"namespace":               {header + "rules: [{namespaces: [a, B]}]", `rule 1: namespaces: "B"`},
		"namespace with a slash":  {header + "rules: [{namespaces: [a/b]}]", "rule 1: namespaces"},
		"namespace, two stars":    {header + "rules: [{namespaces: ['a**']}]", "rule 1: namespaces"},
		"namespace, class":        {header + "rules: [{namespaces: ['[ab]']}]", "rule 1: namespaces"},
		"host alone":              {header + "rules: [{registries: [ghcr.io]}]", "rule 1: registries: \"ghcr.io\": it has no path"},
		"star alone":              {header + "rules: [{registries: ['*']}]", "it has no path"},
		"scheme":                  {header + "rules: [{registries: ['oci://ghcr.io/**']}]", "leave oci:// out, as in ghcr.io/**"},
		"stars in a segment":      {header + "rules: [{registries: ['**.example.com/**']}]", "stands alone between slashes"},
		"stars behind a name":     {header + "rules: [{registries: ['ghcr.io/org**']}]", "stands alone between slashes"},
		"tag":                     {header + "rules: [{registries: ['ghcr.io/org/app:v1']}]", "no part of a repository's name"},
		"capitals in the path":    {header + "rules: [{registries: ['ghcr.io/Org/**']}]", "no part of a repository's name"},
		"slash at the end":        {header + "rules: [{registries: ['ghcr.io/org/']}]", "no part of a repository's name"},
		"no host":                 {header + "rules: [{registries: ['/org/app']}]", "does not begin with a host"},
		"blank":                   {header + "rules: [{registries: ['ghcr.io /**']}]", "does not begin with a host"},
		"too large":               {header + "#" + strings.Repeat(" ", MaxBytes), "more than"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(test.file))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "!!") || strings.Contains(err.Error(), "parse policy") {
				t.Fatalf("error is %v, want %q in it", err, test.want)
			}
			if strings.Contains(err.Error(), "policy.entry") || strings.Contains(err.Error(), "policy.document") {
				t.Errorf("it speaks of our types: %v", err)
			}
		})
	}
}
