package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	p := mustParse(t, `rules:
  - verify:
      keys: {a: one, b: "two"}
      identities: [{issuer: i, subject: s}]
      trustedRoot: "{}"
      attestations:
        - {type: slsaprovenance1, where: predicate.x == 1}
        - {type: "https://example.com/t", keys: {c: three}}
        - {type: vuln, identities: [{issuer: i, subject: other}]}
        - {type: link, identities: [{issuer: i, subject: other}], trustedRoot: "[]"}
      notation:
        trustPolicy: "{}"
        certificates: {a: four}
        revocationLists: {a: five}
`)
	own := Signers{Keys: map[string]string{"c": "three"}}
	other := []Identity{{"i", "other"}}
	want := &Verify{
		Signers:  Signers{map[string]string{"a": "one", "b": "two"}, []Identity{{"i", "s"}}, "{}"},
		Notation: &Notation{"{}", map[string]string{"a": "four"}, map[string]string{"a": "five"}},
		Attestations: []Attestation{
			{Type: "slsaprovenance1", Where: "predicate.x == 1"}, {Signers: own, Type: "https://example.com/t"},
			{Signers: Signers{Identities: other}, Type: "vuln"}, {Signers: Signers{Identities: other, TrustedRoot: "[]"}, Type: "link"},
		},
	}
	got, err := p.For("a", "ghcr.io/org/app")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Verify); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for i, want := range []Signers{got.Verify.Signers, own, {Identities: other, TrustedRoot: "{}"}, {Identities: other, TrustedRoot: "[]"}} {
		if diff := cmp.Diff(want, got.Verify.Attesters(got.Verify.Attestations[i])); diff != "" {
			t.Errorf("who may attest %d: -want +got:\n%s", i+1, diff)
		}
	}
	if rules := p.Rules(); len(rules) != 1 || rules[0] != got {
		t.Errorf("rules: %+v", rules)
	}
	if rules := (*Policy)(nil).Rules(); len(rules) != 0 {
		t.Errorf("rules of no file: %+v", rules)
	}
}

// Who asks for a signature must not get less than that by a slip of the pen.
func TestMistakesInVerifyAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ verify, want string }{
		"nothing":              {"{}", "rule 1: verify: it asks for nothing: name keys, identities, notation or attestations"},
		"no value":             {"", "line 4: a value is missing"},
		"no keys":              {"{keys: {}}", "it asks for nothing"},
		"a key without a text": {"{keys: {a: }}", "line 4: a value is missing"},
		"an empty key":         {`{keys: {a: ""}}`, "line 4: a value is missing"},
		"a list of keys":       {"{keys: [a]}", "is not a text for each name"},
		"a key twice":          {"{keys: {a: x, a: y}}", `line 4: mapping key "a" already defined`},
		"unknown":              {"{key: x}", "line 4: there is no field key in verify, but keys, identities, trustedRoot, notation and attestations"},
		"unknown, identity":    {"{identities: [{issuer: a, subjects: b}]}", "line 4: there is no field subjects in an identity, but issuer and subject"},
		"unknown, attestation": {"{attestations: [{type: a, when: b}]}", "line 4: there is no field when in an attestation, but type, where, keys, identities and trustedRoot"},
		"no issuer":            {"{identities: [{subject: a}]}", "rule 1: verify: identity 1: it needs both issuer and subject"},
		"root alone":           {"{keys: {a: x}, trustedRoot: y}", "rule 1: verify: trustedRoot: there are no identities beside it"},
		"no type":              {"{keys: {a: x}, attestations: [{where: a}]}", "rule 1: verify: attestation 1: type: it is missing"},
		"no attester":          {"{attestations: [{type: a}]}", "rule 1: verify: attestation 1: nobody may attest"},
		"attester's root":      {"{keys: {a: x}, attestations: [{type: a, trustedRoot: y}]}", "attestation 1: trustedRoot: there are no identities"},
		"empty expression":     {`{keys: {a: x}, attestations: [{type: a, where: ""}]}`, "line 4: a value is missing"},
		"a list of texts":      {"{keys: {a: x}, attestations: [a]}", "line 4: `a` is not an attestation, with type"},
		"notation":             {"{notation: {trustPolicy: x}}", "rule 1: verify: notation: it needs both trustPolicy and certificates"},
		"unknown, notation":    {"{notation: {policy: x}}", "line 4: there is no field policy in notation, but trustPolicy, certificates and revocationLists"},
		"notation, attester":   {"{notation: {trustPolicy: x, certificates: {a: b}}, attestations: [{type: a}]}", "attestation 1: nobody may attest"},
		"text":                 {"yes", "line 4: `yes` does not say what is asked for"},
		"many":                 {"{keys: {a: x}, attestations: [" + strings.Repeat("{type: a},", 17) + "]}", "more than 16"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(header + "rules:\n- verify: " + test.verify + "\n"))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "policy.") {
				t.Errorf("error is %v, want %q in it", err, test.want)
			}
		})
	}
}
