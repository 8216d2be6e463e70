package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	"go.yaml.in/yaml/v3"
)

// generated is what the API server would be given.
type generated struct {
	programs map[string]cel.Program // of each expression

	Spec struct {
		MatchConditions   []named      `yaml:"matchConditions"`
		Variables         []named      `yaml:"variables"`
		Validations       []validation `yaml:"validations"`
		PolicyName        string       `yaml:"policyName"`
		ValidationActions []string     `yaml:"validationActions"`
	}
}

func generate(t testing.TB, p *Policy) (all []generated) {
	t.Helper()
	text, err := p.Admission()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		one := generated{programs: map[string]cel.Program{}}
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
}

// asked is an object as the API server sees it.
type asked struct {
	namespace, url string
	insecure       bool
}

func (a asked) object() map[string]any {
	spec := map[string]any{"url": a.url}
	if a.insecure {
		spec["insecure"] = true
	}
	return map[string]any{"metadata": map[string]any{"namespace": a.namespace}, "spec": spec}
}

// program compiles an expression as the API server does, once.
func (g generated) program(t testing.TB, text string) cel.Program {
	t.Helper()
	if known, ok := g.programs[text]; ok {
		return known
	}
	env, err := cel.NewEnv(ext.Strings(ext.StringsVersion(2)), cel.Variable("object", cel.DynType), cel.Variable("oldObject", cel.DynType),
		cel.Variable("variables", cel.MapType(cel.StringType, cel.DynType)))
	if err != nil {
		t.Fatal(err)
	}
	tree, issues := env.Compile(text)
	if issues.Err() != nil {
		t.Fatalf("%s: %v", text, issues.Err())
	}
	g.programs[text], err = env.Program(tree)
	if err != nil {
		t.Fatal(err)
	}
	return g.programs[text]
}

// says gives the messages of the validations that fail, as the API server does: nothing where the conditions do not match.
func (g generated) says(t testing.TB, object, old any) (messages []string) {
	t.Helper()
	variables := map[string]any{}
	eval := func(text string) any {
		value, _, err := g.program(t, text).Eval(map[string]any{"object": object, "oldObject": old, "variables": variables})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return value.Value()
	}
	for _, c := range g.Spec.MatchConditions {
		if eval(c.Expression) != true {
			return nil
		}
	}
	for _, v := range g.Spec.Variables {
		variables[v.Name] = eval(v.Expression)
	}
	for _, v := range g.Spec.Validations {
		if eval(v.Expression) != true {
			messages = append(messages, fmt.Sprint(eval(v.MessageExpression)))
		}
	}
	return messages
}

// wants says of an object what the policy says of it.
func (p *Policy) wants(a asked) (deny, warn []string) {
	rule, err := p.For(a.namespace, strings.TrimPrefix(a.url, "oci://"))
	switch {
	case err != nil:
		return []string{fmt.Sprintf("the administrator's policy: %v; ask whoever runs the agent", err)}, nil
	case a.insecure && !rule.Insecure:
		deny = []string{fmt.Sprintf("spec.insecure is set: %s of the administrator's policy does not permit it; ask whoever runs the agent", rule.Name)}
	}
	if rule.Verify != nil {
		warn = []string{fmt.Sprintf("%s of the administrator's policy asks for signatures or attestations: the agent exposes no artifact of %q without them",
			rule.Name, strings.TrimPrefix(a.url, "oci://"))}
	}
	return deny, warn
}

const admitted = header + `rules:
  - namespaces: [infra, platform-*]
    registries: ["registry.infra.svc:5000/**", "ghcr.io/org/*", "[::1]:5000/**"]
    insecure: true
  - namespaces: [infra]
    registries: ["docker.io/org/app", "**/mirror/**/x*y"]
  - namespaces: ["team-*"]
    registries: ["*.example.com/**", "Registry-1.docker.io./a.b/**", "quay.io:443/org/**"]
    verify: {keys: {a: x}}
  - namespaces: [open]
`

// What the API server denies is what the agent would refuse, in the same words.
func TestAdmissionAgrees(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte(admitted))
	if err != nil {
		t.Fatal(err)
	}
	objects := generate(t, p)
	if len(objects) != 4 || objects[1].Spec.PolicyName != nameSources || !slices.Equal(objects[1].Spec.ValidationActions, []string{"Deny"}) ||
		objects[3].Spec.PolicyName != nameSignatures || !slices.Equal(objects[3].Spec.ValidationActions, []string{"Warn"}) {
		t.Fatalf("generated: %+v", objects)
	}
	seen := map[string]int{}
	for _, namespace := range []string{"infra", "platform-a", "platform", "team-a", "team-", "open", "other", "xteam-a"} {
		for _, url := range []string{
			"registry.infra.svc:5000/a", "registry.infra.svc:5000/a/b/c", "registry.infra.svc./a", "registry.infra.svc.:5000/a", "registry.infra.svc:05000/a",
			"ghcr.io/org/app", "GHCR.io:443/org/app", "ghcr.io./org/app", "ghcr.io.:443/org/app", "ghcr.io:80/org/app", "ghcr.io/org/app/part", "ghcr.io/orgs/app",
			"docker.io/org/app", "index.docker.io/org/app", "Registry-1.Docker.io/org/app", "index.docker.io:443/org/app", "index.docker.io.:443/a.b/c", "docker.io/aXb/c",
			"registry.example.com/a/b", "registry.example.com:5000/a", "evil.test/registry.example.com/a", "example.com/a", ".example.com/a", "a.example.com",
			"[::1]:5000/a", "[::1]:443/mirror/xy", "[::1]/mirror/a/b/xAy", "h/mirror/xy", "h/a/mirror/b/xy/c", "mirror/x/xy", "quay.io/org/a", "quay.io:443/org", "quay.io:/org/a",
		} {
			for _, scheme := range []string{"", "oci://"} {
				for _, insecure := range []bool{false, true} {
					a := asked{namespace, scheme + url, insecure}
					deny, warn := p.wants(a)
					if got := objects[0].says(t, a.object(), nil); !slices.Equal(got, deny) {
						t.Errorf("%+v: denied %q, want %q", a, got, deny)
					}
					if got := objects[2].says(t, a.object(), nil); !slices.Equal(got, warn) {
						t.Errorf("%+v: warned %q, want %q", a, got, warn)
					}
					seen[fmt.Sprint(len(deny), len(warn))]++
				}
			}
		}
	}
	if len(seen) != 4 {
		t.Errorf("the cases show %v", seen)
	}
}

// What exists may be changed, deleted and suspended, but not made worse.
func TestAdmissionOfChanges(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte(admitted))
	if err != nil {
		t.Fatal(err)
	}
	deny := generate(t, p)[0]
	old := asked{"team-a", "oci://ghcr.io/org/app", false}
	for name, tc := range map[string]struct {
		now    asked
		denied bool
	}{
		"the same":   {old, false},
		"other url":  {asked{"team-a", "oci://ghcr.io/org/other", false}, true},
		"better url": {asked{"team-a", "oci://a.example.com/org", false}, false},
		"insecure":   {asked{"team-a", old.url, true}, true},
	} {
		if got := deny.says(t, tc.now.object(), old.object()); (len(got) > 0) != tc.denied {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := deny.says(t, asked{"team-a", old.url, false}.object(), asked{"team-a", old.url, true}.object()); len(got) != 0 {
		t.Errorf("not insecure any more: %q", got)
	}
}

// However many rules there are, no expression is longer than the API server takes, and the first that matches counts.
func TestAdmissionOfManyRules(t *testing.T) {
	t.Parallel()
	var rules strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&rules, "- namespaces: [team-%d, 'x%d-*']\n  registries: ['ghcr.io/org-%d/**', '*.example-%d.com/**/app']\n  insecure: %v\n", i, i, i, i, i%2 == 0)
	}
	p := mustParse(t, "rules:\n"+rules.String())
	deny := generate(t, p)[0]
	for _, a := range []asked{
		{"team-0", "oci://ghcr.io/org-0/app", true}, {"team-500", "oci://ghcr.io/org-500/app", true}, {"team-501", "oci://ghcr.io/org-501/app", true},
		{"x999-a", "oci://a.example-999.com/b/app", false}, {"x999-a", "oci://a.example-999.com/b/app", true}, {"team-9", "oci://ghcr.io/org-999/app", false},
	} {
		want, _ := p.wants(a)
		if got := deny.says(t, a.object(), nil); !slices.Equal(got, want) {
			t.Errorf("%+v: denied %q, want %q", a, got, want)
		}
	}
}

// What the API server would not take is not generated.
func TestAdmissionThatIsTooLarge(t *testing.T) {
	t.Parallel()
	for want, rules := range map[string]string{
		"make admission policy: rule 2: its patterns have 1":                           "rules:\n- {}\n- namespaces: [" + strings.Repeat("team-with-a-long-name, ", 5000) + "a]\n",
		"make admission policy: there are 10001 rules, and the API server takes 10000": "rules:\n" + strings.Repeat("- {}\n", 10_001),
	} {
		if _, err := mustParse(t, rules).Admission(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestAdmissionOfWhatWeShip(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../manifests/components/policy/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if objects := generate(t, p); len(objects) != 2 {
		t.Errorf("no rule asks for signatures, but generated are %d objects", len(objects))
	}
}

// Patterns mean the same to the API server, whatever is in them.
func FuzzAdmission(f *testing.F) {
	f.Add("ghcr.io/**/app", "ghcr.io/a/b/app")
	f.Add("*.example.com:443/*", "a.Example.com./b")
	f.Add("**/a/**/a.*/**", "x/a/a/a")
	f.Fuzz(func(t *testing.T, text, place string) {
		one, err := parsePattern(text)
		if err != nil || len(text) > 40 || len(place) > 40 || place == "" || strings.ContainsFunc(place, func(r rune) bool { return r > 126 || r < 33 || strings.ContainsRune(`"\[]`, r) }) ||
			strings.Count(strings.Split(place, "/")[0], ":") > 1 || strings.HasPrefix(place, "oci://") {
			return
		}
		p := &Policy{rules: []rule{{Rule: Rule{Name: "rule 1"}, registries: []pattern{one}}}}
		a := asked{"a", "oci://" + place, false}
		want, _ := p.wants(a)
		if got := generate(t, p)[0].says(t, a.object(), nil); !slices.Equal(got, want) {
			t.Errorf("%q matches %q: got %q, want %q", text, place, got, want)
		}
	})
}
