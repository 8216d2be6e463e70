package controller

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// Rules are the administrator's policy with what its rules ask to be verified, ready for use. A nil Rules is that of no file.
type Rules struct {
	policy       *policy.Policy
	requirements map[string][]signature.Requirement // by the name of the rule
}

// NewRules checks keys, identities, roots and expressions. The error names the rule and the field.
func NewRules(p *policy.Policy) (*Rules, error) {
	r := &Rules{p, map[string][]signature.Requirement{}}
	for _, rule := range p.Rules() {
		if rule.Verify == nil {
			continue
		}
		all, err := required(whoseRule(rule), rule.Verify)
		if err != nil {
			return nil, fmt.Errorf("%s: verify: %w", rule.Name, err)
		}
		r.requirements[rule.Name] = all
	}
	return r, nil
}

// whoseRule names a rule where the policy was not spoken of.
func whoseRule(rule policy.Rule) string { return rule.Name + " of the administrator's policy" }

// find gives the rule for an object, and what it requires.
func (r *Rules) find(namespace, repository string) (policy.Rule, []signature.Requirement, error) {
	if r == nil {
		rule, err := (*policy.Policy)(nil).For(namespace, repository)
		return rule, nil, err
	}
	rule, err := r.policy.For(namespace, repository)
	return rule, r.requirements[rule.Name], err
}

func required(name string, v *policy.Verify) ([]signature.Requirement, error) {
	var all []signature.Requirement
	if v.Signed() {
		trust := trustOf(v.Signers)
		if v.Notation != nil {
			trust.Notation = &signature.Notation{Policy: []byte(v.Notation.TrustPolicy), Certificates: raw(v.Notation.Certificates)}
		}
		by, err := signature.NewPolicy(trust)
		if err != nil {
			return nil, err
		}
		all = append(all, signature.Requirement{Name: name, By: by})
	}
	for i, a := range v.Attestations {
		r, err := attested(v, a)
		if err != nil {
			return nil, fmt.Errorf("attestation %d: %w", i+1, err)
		}
		r.Name = name
		all = append(all, r)
	}
	return all, nil
}

func attested(v *policy.Verify, a policy.Attestation) (r signature.Requirement, err error) {
	if r.Type, err = predicateType(a.Type); err != nil {
		return r, err
	}
	if r.By, err = signature.NewPolicy(trustOf(v.Attesters(a))); err != nil {
		return r, err
	}
	if a.Where != "" {
		if r.Where, err = signature.ParseExpression(a.Where); err != nil {
			return r, fmt.Errorf("where: %w", err)
		}
	}
	return r, nil
}

// predicateType is what a name of cosign's, or a URI, stands for.
func predicateType(name string) (string, error) {
	known := signature.Predicates()
	switch uri, ok := known[name]; {
	case ok:
		return uri, nil
	case !strings.Contains(name, ":"):
		return "", fmt.Errorf("type: %q is neither a URI nor one of %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	return name, nil
}

func raw(texts map[string]string) map[string][]byte {
	all := map[string][]byte{}
	for name, text := range texts {
		all[name] = []byte(text)
	}
	return all
}

func trustOf(s policy.Signers) signature.Trust {
	trust := signature.Trust{Keys: raw(s.Keys)}
	for _, i := range s.Identities {
		trust.Identities = append(trust.Identities, signature.Identity{Issuer: i.Issuer, Subject: i.Subject, Anchored: true})
	}
	if s.TrustedRoot != "" {
		trust.Root = []byte(s.TrustedRoot)
	}
	return trust
}
