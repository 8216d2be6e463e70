package controller

import (
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
)

// verifiedAgain brings the next look at an object forward to when what it advertises has to be verified again, also where it is stalled.
func (r *Reconciler) verifiedAgain(object *v1.OCIRepository, t attempt.Terms, wait time.Duration) time.Duration {
	interval := r.VerifyInterval
	if !t.Verifies() || object.Status.Artifact == nil || interval <= 0 || wait > 0 && wait < interval {
		return wait
	}
	return interval
}
