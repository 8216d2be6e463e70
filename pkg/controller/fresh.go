package controller

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// staleness is which part of its interval the answer to another object's poll may be old to do for this one, too: no more than the
// usual jitter moves a poll.
const staleness = 20

// fresh gives the time from which on a poll must have begun to answer this object: now, where somebody asked for one or changed the
// spec, so that nobody is told what the registry said before. Where a revision waits for a window, or the window is wrong, somebody is
// about to say by annotations what is to happen to the newest one.
func fresh(object *v1.OCIRepository, now time.Time) time.Time {
	request, ok := object.Annotations[v1.AnnotationReconcileRequest]
	asked := ok && request != object.Status.LastHandledReconcileAt
	changed := ready(object.Status).ObservedGeneration != object.Generation
	held := meta.IsStatusConditionTrue(object.Status.Conditions, v1.ConditionUpdatePending) ||
		ready(object.Status).Reason == v1.ReasonWindowInvalid
	if asked || changed || held {
		return now
	}
	return now.Add(-max(object.Spec.Interval.Duration, 0) / staleness)
}
