package controller

import (
	"context"
	"errors"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
)

// errAmended says that something else is permitted or required than when the run began, so that what was found must not be written.
var errAmended = errors.New("the policy, or what spec.verify refers to, changed meanwhile")

// inForce tells whether what a run would have advertised is permitted, and all that is required by now. What is advertised already is looked at
// again in any case.
func (r *Reconciler) inForce(ctx context.Context, object *v1.OCIRepository, found outcome) bool {
	return found.failure != nil || found.result.Unchanged || r.means().Terms(ctx, object).Equal(found.terms)
}

// discard drops what a run has stored and nobody will advertise.
func (r *Reconciler) discard(object *v1.OCIRepository, found outcome) error {
	d := found.result.Entry.Digest
	if d == "" || d == attempt.Advertised(object.Status).Digest {
		return nil
	}
	return r.Store.Drop(attempt.KeyOf(object), d)
}
