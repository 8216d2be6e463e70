package policy

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Admission gives the policy as ValidatingAdmissionPolicies and their bindings, YAML for `kubectl apply`: the API server denies objects
// that no rule permits, or that set spec.insecure where that is not permitted, in the agent's words, and warns where a rule asks for
// signatures, which it cannot see. It looks at what is new: objects that exist are denied no change of anything else. A policy that is too
// large for the API server is an error.
func (p *Policy) Admission() ([]byte, error) {
	objects, err := p.admission()
	if err != nil {
		return nil, fmt.Errorf("make admission policy: %w", err)
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	for _, object := range objects {
		if err := encoder.Encode(object); err != nil {
			return nil, fmt.Errorf("write admission policy: %w", err)
		}
	}
	return text.Bytes(), encoder.Close()
}

// Names of what is generated.
const (
	nameSources    = "kubectl-oci-sources"
	nameSignatures = "kubectl-oci-signatures"
)

func (p *Policy) admission() ([]any, error) {
	rule, err := p.first()
	if err != nil {
		return nil, err
	}
	variables := append(places(), rule...)
	deny := []validation{
		{"variables.rule != 0", `"the administrator's policy: no rule permits \"" + variables.plain + "\" to namespace \"" + object.metadata.namespace + "\"; ask whoever runs the agent"`},
		{
			"!variables.insecure || variables.rule == 0 || variables.rule in " + p.those(func(r Rule) bool { return r.Insecure }),
			`"spec.insecure is set: rule " + string(variables.rule) + " of the administrator's policy does not permit it; ask whoever runs the agent"`,
		},
	}
	objects := []any{validating(nameSources, variables, deny), binding(nameSources, "Deny")}
	signed := p.those(func(r Rule) bool { return r.Verify != nil })
	if signed == "[]" {
		return objects, nil
	}
	warn := []validation{{
		"!(variables.rule in " + signed + ")",
		`"rule " + string(variables.rule) + " of the administrator's policy asks for signatures or attestations: the agent exposes no artifact of \"" + variables.plain + "\" without them"`,
	}}
	return append(objects, validating(nameSignatures, variables, warn), binding(nameSignatures, "Warn")), nil
}

// those lists the numbers of rules, for CEL.
func (p *Policy) those(fit func(Rule) bool) string {
	var numbers []string
	for i, r := range p.Rules() {
		if fit(r) {
			numbers = append(numbers, strconv.Itoa(i+1))
		}
	}
	return "[" + strings.Join(numbers, ", ") + "]"
}

// What follows has the fields of Kubernetes' own types that are used.
type (
	admissionObject struct {
		APIVersion string            `yaml:"apiVersion"`
		Kind       string            `yaml:"kind"`
		Metadata   map[string]string `yaml:"metadata"`
		Spec       any               `yaml:"spec"`
	}
	admissionSpec struct {
		FailurePolicy    string           `yaml:"failurePolicy"`
		MatchConstraints matchConstraints `yaml:"matchConstraints"`
		MatchConditions  []named          `yaml:"matchConditions"`
		Variables        []named          `yaml:"variables"`
		Validations      []validation     `yaml:"validations"`
	}
	matchConstraints struct {
		ResourceRules []resourceRule `yaml:"resourceRules"`
	}
	resourceRule struct {
		APIGroups   []string `yaml:"apiGroups"`
		APIVersions []string `yaml:"apiVersions"`
		Operations  []string `yaml:"operations"`
		Resources   []string `yaml:"resources"`
	}
	named struct {
		Name       string `yaml:"name"`
		Expression string `yaml:"expression"`
	}
	validation struct {
		Expression        string `yaml:"expression"`
		MessageExpression string `yaml:"messageExpression"`
	}
	bindingSpec struct {
		PolicyName        string   `yaml:"policyName"`
		ValidationActions []string `yaml:"validationActions"`
	}
)

const admissionVersion = "admissionregistration.k8s.io/v1"

func validating(name string, variables []named, validations []validation) admissionObject {
	return admissionObject{admissionVersion, "ValidatingAdmissionPolicy", map[string]string{"name": name}, admissionSpec{
		FailurePolicy: "Fail",
		MatchConstraints: matchConstraints{[]resourceRule{{
			[]string{"source.toolkit.fluxcd.io"}, []string{"*"}, []string{"CREATE", "UPDATE"}, []string{"ocirepositories"},
		}}},
		MatchConditions: []named{{"new", "oldObject == null || oldObject.spec.url != object.spec.url || " +
			"(has(object.spec.insecure) && object.spec.insecure && !(has(oldObject.spec.insecure) && oldObject.spec.insecure))"}},
		Variables:   variables,
		Validations: validations,
	}}
}

func binding(name, action string) admissionObject {
	return admissionObject{admissionVersion, "ValidatingAdmissionPolicyBinding", map[string]string{"name": name}, bindingSpec{name, []string{action}}}
}

// places bring spec.url into the spelling that [split] gives it, with a slash before each segment.
func places() []named {
	return []named{
		{"insecure", "has(object.spec.insecure) && object.spec.insecure"},
		{"plain", `object.spec.url.startsWith("oci://") ? object.spec.url.substring(6) : object.spec.url`},
		{"host", `variables.plain.split("/")[0].lowerAscii()`},
		{"path", `variables.plain.substring(variables.plain.split("/")[0].size())`},
		{"colon", `variables.host.matches("^([^:\\[\\]]*|\\[[^\\[\\]]*\\]):[^:\\[\\]]*$") ? variables.host.lastIndexOf(":") : variables.host.size()`},
		{"port", `variables.host.substring(variables.colon)`},
		{"dotted", `variables.host.substring(0, variables.colon)`},
		{"bare", `variables.dotted.endsWith(".") ? variables.dotted.substring(0, variables.dotted.size() - 1) : variables.dotted`},
		{"name", `variables.bare in ["index.docker.io", "registry-1.docker.io"] ? "docker.io" : variables.bare`},
		{"place", `"/" + variables.name + (variables.port == ":443" ? "" : variables.port) + variables.path`},
	}
}

const (
	maxExpression = 90_000 // characters, a little less than the API server's parser takes
	maxRules      = 10_000 // so that a list of their numbers is an expression, too
)

// first is the variable rule, the number of the first rule that matches or 0, and before it those that it is made of where there are too many
// rules for one expression. Each rule is a line, in a list rather than one in the other: there may be many.
func (p *Policy) first() ([]named, error) {
	if len(p.rules) > maxRules {
		return nil, fmt.Errorf("there are %d rules, and the API server takes %d", len(p.rules), maxRules)
	}
	var parts []named
	var lines []string
	size := 0
	part := func() {
		parts = append(parts, named{fmt.Sprintf("rules%d", len(parts)+1), firstOf(lines)})
		lines, size = nil, 0
	}
	for i, r := range p.rules {
		line := fmt.Sprintf("  (%s) && (%s) ? %d : 0", anyOf("object.metadata.namespace", patterns(r.namespaces)),
			anyOf("variables.place", patterns(r.registries)), i+1)
		if len(line) > maxExpression {
			return nil, fmt.Errorf("%s: its patterns have %d characters, and the API server takes %d: make several rules of it", r.Name, len(line), maxExpression)
		}
		if size += len(line) + 2; size > maxExpression {
			part()
			size = len(line) + 2
		}
		lines = append(lines, line)
	}
	if len(parts) == 0 {
		return []named{{"rule", firstOf(lines)}}, nil
	}
	part()
	var names []string
	for _, one := range parts {
		names = append(names, "  variables."+one.Name)
	}
	return append(parts, named{"rule", firstOf(names)}), nil
}

func firstOf(lines []string) string {
	return "([\n" + strings.Join(lines, ",\n") + "\n].filter(n, n > 0) + [0])[0]"
}

func anyOf(value string, patterns []string) string {
	if len(patterns) == 0 {
		return "true"
	}
	return fmt.Sprintf("%s.matches(%s)", value, strconv.Quote("^("+strings.Join(patterns, "|")+")$"))
}

func patterns[T interface{ expression() string }](all []T) []string {
	var texts []string
	for _, one := range all {
		texts = append(texts, one.expression())
	}
	return texts
}

// expression is the glob as a regular expression (RE2) over one segment.
func (g glob) expression() string {
	return strings.ReplaceAll(regexp.QuoteMeta(string(g)), `\*`, "[^/]*")
}

// expression is the pattern as a regular expression (RE2) over a place with a slash before each segment.
func (p pattern) expression() string {
	var text strings.Builder
	for _, g := range p {
		if g == doubleStar {
			text.WriteString("(/[^/]*)*")
			continue
		}
		text.WriteString("/" + g.expression())
	}
	return text.String()
}
