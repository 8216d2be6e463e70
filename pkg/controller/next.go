package controller

import (
	"math/rand/v2"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// Bounds of the time between two polls, whatever the spec says: nobody may have the agent hammer a registry.
const (
	minInterval = time.Second
	maxInterval = 365 * 24 * time.Hour
)

// next says when to look at an object again: after its interval, not before a registry wants to be asked again, after a back-off
// (the error), or not before somebody changes it.
func next(object *v1.OCIRepository, failure *source.Error, jitter float64) (ctrl.Result, error) {
	at := rand.Float64() //nolint:gosec // it spreads polls and keeps no secret
	switch {
	case failure == nil:
		return ctrl.Result{RequeueAfter: spread(object.Spec.Interval.Duration, jitter, at)}, nil
	case failure.Terminal:
		return ctrl.Result{}, nil
	case failure.RetryAt.IsZero():
		return ctrl.Result{}, failure
	}
	return ctrl.Result{RequeueAfter: late(time.Until(failure.RetryAt), jitter, at)}, nil
}

// spread moves an interval by up to jitter of it, earlier or later; at is between 0 and 1.
func spread(interval time.Duration, jitter, at float64) time.Duration {
	interval = min(max(interval, minInterval), maxInterval)
	return interval + time.Duration(float64(interval)*jitter*(2*at-1))
}

// late is spread, but never early.
func late(wait time.Duration, jitter, at float64) time.Duration {
	wait = min(max(wait, minInterval), maxInterval)
	return wait + time.Duration(float64(wait)*jitter*at)
}
