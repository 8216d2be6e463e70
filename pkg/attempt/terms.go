package attempt

import (
	"context"
	"fmt"
	"slices"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// Terms are what one run goes by, all of one version of the administrator's policy: what is permitted to the object, and what its artifact
// must satisfy.
type Terms struct {
	Ref          registry.Reference // of the repository
	Rule         policy.Rule
	Refused      error                   // why no registry may be asked; nil: one may
	Requirements []signature.Requirement // what the administrator requires, and what the object's author does as far as that is known
	Unread       *source.Error           // why it is not known; nil: it is
}

// Terms reads the policy, and what spec.verify refers to, as they are now.
func (m *Means) Terms(ctx context.Context, object *v1.OCIRepository) Terms {
	var t Terms
	t.Ref, t.Refused = source.Repository(object.Spec.URL)
	if t.Refused != nil {
		t.Refused = &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonURLInvalid, Terminal: true, Err: t.Refused}
	} else {
		t.Refused = t.govern(object, m.rules())
	}
	signers, err := m.signers(ctx, object)
	if err != nil {
		t.Unread = asFailure(err)
	}
	if signers != nil {
		t.Requirements = append(t.Requirements, signature.Requirement{Name: "spec.verify", By: signers})
	}
	return t
}

// govern takes over what the administrator says. What is required holds whatever is not permitted.
func (t *Terms) govern(object *v1.OCIRepository, rules *Rules) error {
	rule, requirements, err := rules.find(object.Namespace, t.Ref.Name())
	t.Rule, t.Requirements = rule, slices.Clone(requirements)
	switch {
	case err != nil:
		return violation(object, fmt.Errorf("the administrator's policy: %w", err))
	case object.Spec.Insecure && !rule.Insecure:
		return violation(object, fmt.Errorf("spec.insecure is set: %s does not permit it", whoseRule(rule)))
	}
	return nil
}

// Verifies tells whether anything is required.
func (t Terms) Verifies() bool { return len(t.Requirements) > 0 || t.Unread != nil }

// Equal tells whether the same is permitted to an object, and required of it.
func (t Terms) Equal(other Terms) bool {
	return t.Rule.Insecure == other.Rule.Insecure && t.Rule.Reach == other.Rule.Reach &&
		(t.Refused == nil) == (other.Refused == nil) && (t.Unread == nil) == (other.Unread == nil) &&
		slices.EqualFunc(t.Requirements, other.Requirements, func(a, b signature.Requirement) bool {
			return a.Fingerprint(t.Ref) == b.Fingerprint(t.Ref)
		})
}
