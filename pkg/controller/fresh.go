package controller

import (
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// staleness is which part of its interval the answer to another object's poll may be old to do for this one, too: no more than the
// usual jitter moves a poll.
const staleness = 20

// fresh gives the time from which on a poll must have begun to answer this object: now, where somebody asked for one, changed the
// spec, or ordered by annotations what is to happen to the newest revision, so that nobody is told what the registry said before.
func fresh(object *v1.OCIRepository, ordered bool, now time.Time) time.Time {
	request, ok := object.Annotations[v1.AnnotationReconcileRequest]
	asked := ok && request != object.Status.LastHandledReconcileAt
	changed := ready(object.Status).ObservedGeneration != object.Generation
	corrected := ready(object.Status).Reason == v1.ReasonWindowInvalid
	if asked || changed || ordered || corrected {
		return now
	}
	return now.Add(-max(object.Spec.Interval.Duration, 0) / staleness)
}
