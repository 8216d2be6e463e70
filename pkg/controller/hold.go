package controller

import (
	"math/rand/v2"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
)

// pend says what waits, and until when at most. A run that did not get as far as to see it knows no better than the one before, as long
// as the windows are closed and the spec is the same.
func (c conditions) pend(found outcome) {
	last := meta.FindStatusCondition(*c.list, v1.ConditionUpdatePending)
	blind := found.failure != nil && found.result.Revision == ""
	switch {
	case found.result.Waiting != "":
		c.set(v1.ConditionUpdatePending, metav1.ConditionTrue, v1.ReasonWindowClosed, attempt.Pending(found.result.Waiting, found.hold))
	case last != nil && (!blind || !found.hold.Closed || last.ObservedGeneration != c.generation):
		c.drop(v1.ConditionUpdatePending)
	}
}

// wait tells of an object that has nothing to advertise before a window opens. That is no failure, and it goes on by itself.
func (c conditions) wait(found outcome) {
	c.drop(v1.ConditionStalled, v1.ConditionArtifactOutdated, v1.ConditionFetchFailed, v1.ConditionStorageOperationFailed)
	note := attempt.Pending(found.result.Waiting, found.hold)
	c.set(v1.ConditionReady, metav1.ConditionUnknown, v1.ReasonWindowClosed, note)
	c.set(v1.ConditionReconciling, metav1.ConditionTrue, v1.ReasonWindowClosed, note)
}

// maxLate is within the shortest of windows: nobody misses it who comes so much later than it opens.
const maxLate = attempt.MinOpen / 2

// wake is how long it takes until the window opens, and a little longer: thousands may wait for the same moment.
func wake(h attempt.Hold, object *v1.OCIRepository, jitter float64, now time.Time) time.Duration {
	later := min(float64(object.Spec.Interval.Duration)*jitter, float64(maxLate))
	return max(h.Opens.Sub(now), minInterval) + time.Duration(later*rand.Float64()) //nolint:gosec // it spreads polls and keeps no secret
}

// pending is what a status says of what waits, or empty.
func pending(status v1.OCIRepositoryStatus) string {
	if c := meta.FindStatusCondition(status.Conditions, v1.ConditionUpdatePending); c != nil {
		return c.Message
	}
	return ""
}
