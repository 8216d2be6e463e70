package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// Who waits for an answer gets one, and nothing that was found is touched.
func TestSuspendedObjectIsAnswered(t *testing.T) {
	t.Parallel()
	for name, history := range map[string][]outcome{
		"ready":   {stored(1)},
		"failing": {stored(1), failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)},
		"stalled": {failed(v1.ConditionFetchFailed, v1.ReasonURLInvalid, true)},
	} {
		object := after(history...)
		object.Generation = 2
		object.Annotations = map[string]string{v1.AnnotationReconcileRequest: "now"}
		want := *object.Status.DeepCopy()
		want.ObservedGeneration, want.LastHandledReconcileAt = 2, "now"
		for i := range want.Conditions {
			want.Conditions[i].ObservedGeneration = 2
		}
		if diff := cmp.Diff(want, suspended(object)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := suspended(newObject(2)); got.ObservedGeneration != -1 || len(got.Conditions) > 0 {
		t.Errorf("an object that was never looked at: %+v", got)
	}
}
