package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// terms are what one run goes by, all of one version of the administrator's policy: what is permitted to the object, and what its artifact
// must satisfy.
type terms struct {
	ref          registry.Reference // of the repository
	rule         policy.Rule
	refused      error                   // why no registry may be asked; nil: one may
	requirements []signature.Requirement // what the administrator requires, and what the object's author does as far as that is known
	unread       *source.Error           // why it is not known; nil: it is
}

// terms reads the policy, and what spec.verify refers to, as they are now.
func (r *Reconciler) terms(ctx context.Context, object *v1.OCIRepository) terms {
	var t terms
	t.ref, t.refused = source.Repository(object.Spec.URL)
	if t.refused != nil {
		t.refused = &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonURLInvalid, Terminal: true, Err: t.refused}
	} else {
		t.refused = t.govern(object, r.rules())
	}
	signers, err := r.signers(ctx, object)
	if err != nil {
		t.unread = asFailure(err)
	}
	if signers != nil {
		t.requirements = append(t.requirements, signature.Requirement{Name: "spec.verify", By: signers})
	}
	return t
}

// govern takes over what the administrator says. What is required holds whatever is not permitted.
func (t *terms) govern(object *v1.OCIRepository, rules *Rules) error {
	rule, requirements, err := rules.find(object.Namespace, t.ref.Name())
	t.rule, t.requirements = rule, slices.Clone(requirements)
	switch {
	case err != nil:
		return violation(object, fmt.Errorf("the administrator's policy: %w", err))
	case object.Spec.Insecure && !rule.Insecure:
		return violation(object, fmt.Errorf("spec.insecure is set: %s does not permit it", whoseRule(rule)))
	}
	return nil
}

// verifies tells whether anything is required.
func (t terms) verifies() bool { return len(t.requirements) > 0 || t.unread != nil }

// equal tells whether the same is permitted to an object, and required of it.
func (t terms) equal(other terms) bool {
	return t.rule.Insecure == other.rule.Insecure && t.rule.Reach == other.rule.Reach &&
		(t.refused == nil) == (other.refused == nil) && (t.unread == nil) == (other.unread == nil) &&
		slices.EqualFunc(t.requirements, other.requirements, func(a, b signature.Requirement) bool {
			return a.Fingerprint(t.ref) == b.Fingerprint(t.ref)
		})
}

// errAmended says that something else is permitted or required than when the run began, so that what was found must not be written.
var errAmended = errors.New("the policy, or what spec.verify refers to, changed meanwhile")

// inForce tells whether what a run would have advertised is permitted, and all that is required by now. What is advertised already is looked at
// again in any case.
func (r *Reconciler) inForce(ctx context.Context, object *v1.OCIRepository, found outcome) bool {
	return found.failure != nil || found.result.Unchanged || r.terms(ctx, object).equal(found.terms)
}

// discard drops what a run has stored and nobody will advertise.
func (r *Reconciler) discard(object *v1.OCIRepository, found outcome) error {
	d := found.result.Entry.Digest
	if d == "" || d == advertised(object.Status).Digest {
		return nil
	}
	return r.Store.Drop(keyOf(object), d)
}
