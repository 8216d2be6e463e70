package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What a file begins with.
const (
	APIVersion = "policy.kubectl-oci.dev/v1alpha1"
	Kind       = "SourcePolicy"
)

// MaxBytes is the size of the largest file that is read: what a ConfigMap can hold.
const MaxBytes = 1 << 20

// document is the form of the file.
type document struct {
	APIVersion string  `yaml:"apiVersion"`
	Kind       string  `yaml:"kind"`
	Rules      []entry `yaml:"rules"`
}

// entry is the form of a rule. What is left out matches everything, and permits what is usual.
type entry struct {
	Namespaces []string `yaml:"namespaces"`
	Registries []string `yaml:"registries"`
	Insecure   boolean  `yaml:"insecure"`
	Addresses  []string `yaml:"addresses"`
	Verify     *Verify  `yaml:"verify"`
}

// boolean is true or false, and none of the other words that YAML once had for them.
type boolean bool

// UnmarshalYAML implements yaml.Unmarshaler.
func (b *boolean) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!str" {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: cannot unmarshal !!str `%.10s` into bool", node.Line, node.Value)}}
	}
	return node.Decode((*bool)(b))
}

// Parse reads a policy, YAML of at most 1 MiB. The error names the line or the field.
func Parse(raw []byte) (*Policy, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("it has more than %d bytes", MaxBytes)
	}
	var doc document
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, readable(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one document")
	}
	if err := complete(raw); err != nil {
		return nil, err
	}
	switch {
	case doc.APIVersion != APIVersion:
		return nil, fmt.Errorf("apiVersion is %q, not %s", doc.APIVersion, APIVersion)
	case doc.Kind != Kind:
		return nil, fmt.Errorf("kind is %q, not %s", doc.Kind, Kind)
	case len(doc.Rules) == 0:
		return nil, errors.New("rules: there is none, so that nothing would be permitted")
	}
	p := &Policy{}
	for i, e := range doc.Rules {
		r, err := e.rule()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nameOf(i), err)
		}
		r.Name = nameOf(i)
		p.rules = append(p.rules, r)
	}
	return p, nil
}

// nameOf counts rules as people do.
func nameOf(i int) string { return fmt.Sprintf("rule %d", i+1) }

var (
	unknownField = regexp.MustCompile(`field (\S+) not found`)
	wrongType    = regexp.MustCompile("cannot unmarshal (?:!!\\S+ )?(`[^`]*`|!!\\S+) into ")
)

// readable leaves out what only we know: the names of our types.
func readable(err error) error {
	wrong, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	lines := unknownField.ReplaceAllString(strings.Join(wrong.Errors, "; "), "there is no field $1")
	lines = wrongType.ReplaceAllString(lines, "$1 is not ")
	lines = strings.NewReplacer("!!seq is", "a list is", "!!map is", "what has fields is").Replace(lines)
	return errors.New(strings.NewReplacer(
		" in type policy.document", ", but apiVersion, kind and rules",
		" in type policy.entry", " in a rule, but namespaces, registries, insecure, addresses and verify",
		" in type policy.Verify", " in verify, but keys, identities, trustedRoot, notation and attestations",
		" in type policy.Attestation", " in an attestation, but type, where, keys, identities and trustedRoot",
		" in type policy.Notation", " in notation, but trustPolicy, certificates and revocationLists",
		" in type policy.Identity", " in an identity, but issuer and subject",
		"is not []string", "is not a list, such as [a, b]",
		"is not bool", "is not true or false",
		"is not policy.document", "is not a policy, with apiVersion, kind and rules",
		"is not []policy.entry", "is not a list of rules",
		"is not policy.entry", "is not a rule",
		"is not policy.Verify", "does not say what is asked for, such as keys: {name: …}",
		"is not map[string]string", "is not a text for each name, such as name: …",
		"is not policy.Notation", "is not trustPolicy and certificates",
		"is not []policy.Identity", "is not a list of identities",
		"is not policy.Identity", "is not an identity, with issuer and subject",
		"is not []policy.Attestation", "is not a list of attestations",
		"is not policy.Attestation", "is not an attestation, with type",
		"is not string", "is not a text",
	).Replace(lines))
}

// complete refuses a field or an element without a value. What was left out by mistake would match everything.
func complete(raw []byte) error {
	var root yaml.Node
	if err := yaml.Unmarshal(raw, &root); err != nil {
		return readable(err)
	}
	return walk(&root)
}

func walk(node *yaml.Node) error {
	if missing(node) {
		return fmt.Errorf("line %d: a value is missing: leave the field out where it does not matter", node.Line)
	}
	for _, child := range node.Content {
		if err := walk(child); err != nil {
			return err
		}
	}
	return nil
}

func missing(node *yaml.Node) bool {
	switch node.Kind {
	case yaml.SequenceNode:
		return len(node.Content) == 0
	case yaml.ScalarNode:
		return node.Value == "" || node.ShortTag() == "!!null"
	}
	return false
}

// rule checks the values. The error begins with the field.
func (e entry) rule() (rule, error) {
	r := rule{Rule: Rule{Insecure: bool(e.Insecure)}}
	var err error
	if r.namespaces, err = each("namespaces", e.Namespaces, parseGlob); err != nil {
		return rule{}, err
	}
	if r.registries, err = each("registries", e.Registries, parsePattern); err != nil {
		return rule{}, err
	}
	if r.Reach, err = parseReach(e.Addresses); err != nil {
		return rule{}, err
	}
	if r.Verify = e.Verify; r.Verify != nil {
		err = r.Verify.check()
	}
	return r, err
}

func each[T any](field string, values []string, parse func(string) (T, error)) ([]T, error) {
	var parsed []T
	for _, value := range values {
		one, err := parse(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		parsed = append(parsed, one)
	}
	return parsed, nil
}

// class is a kind of addresses that a rule may name.
type class struct {
	name string
	of   func(*Reach) *bool
}

func classes() []class {
	return []class{
		{"public", func(r *Reach) *bool { return &r.Public }},
		{"private", func(r *Reach) *bool { return &r.Private }},
		{"loopback", func(r *Reach) *bool { return &r.Loopback }},
		{"linkLocal", func(r *Reach) *bool { return &r.LinkLocal }},
	}
}

func parseReach(names []string) (Reach, error) {
	if len(names) == 0 {
		return usual(), nil
	}
	var reach Reach
	for _, name := range names {
		at := slices.IndexFunc(classes(), func(c class) bool { return c.name == name })
		if at < 0 {
			return Reach{}, fmt.Errorf("addresses: %q is not public, private, loopback or linkLocal", name)
		}
		*classes()[at].of(&reach) = true
	}
	return reach, nil
}
