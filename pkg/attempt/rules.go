package attempt

import (
	"fmt"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
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
		all, err := signature.Required(whoseRule(rule), rule.Verify)
		if err != nil {
			return nil, fmt.Errorf("%s: verify: %w", rule.Name, err)
		}
		r.requirements[rule.Name] = all
	}
	return r, nil
}

// Verifies tells whether the rule for an object requires anything of its artifact.
func (r *Rules) Verifies(object *v1.OCIRepository) bool {
	ref, err := source.Repository(object.Spec.URL)
	if err != nil {
		return false // no rule is for what names no repository
	}
	_, requirements, _ := r.find(object.Namespace, ref.Name())
	return len(requirements) > 0
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
