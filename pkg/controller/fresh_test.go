package controller

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

func TestFresh(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	answered := func() *v1.OCIRepository {
		object := &v1.OCIRepository{}
		object.Generation = 3
		object.Spec.Interval.Duration = 5 * time.Minute
		object.Status.Conditions = []metav1.Condition{{Type: v1.ConditionReady, ObservedGeneration: 3}}
		return object
	}
	for name, tc := range map[string]struct {
		change func(*v1.OCIRepository)
		want   time.Time
	}{
		"usual poll": {func(*v1.OCIRepository) {}, now.Add(-15 * time.Second)},
		"asked": {func(o *v1.OCIRepository) {
			o.Annotations = map[string]string{v1.AnnotationReconcileRequest: "a"}
		}, now},
		"asked and answered": {func(o *v1.OCIRepository) {
			o.Annotations = map[string]string{v1.AnnotationReconcileRequest: "a"}
			o.Status.LastHandledReconcileAt = "a"
		}, now.Add(-15 * time.Second)},
		"asked once, long ago": {func(o *v1.OCIRepository) { o.Status.LastHandledReconcileAt = "a" }, now.Add(-15 * time.Second)},
		"changed":              {func(o *v1.OCIRepository) { o.Generation = 4 }, now},
		"new":                  {func(o *v1.OCIRepository) { o.Status.Conditions = nil }, now},
		"fails for a while":    {func(o *v1.OCIRepository) { o.Status.ObservedGeneration = 2 }, now.Add(-15 * time.Second)},
		"the window is wrong":  {func(o *v1.OCIRepository) { o.Status.Conditions[0].Reason = v1.ReasonWindowInvalid }, now},
		"odd interval":         {func(o *v1.OCIRepository) { o.Spec.Interval.Duration = -time.Hour }, now},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := answered()
			tc.change(object)
			if got := fresh(object, false, now); !got.Equal(tc.want) {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			if got := fresh(object, true, now); !got.Equal(now) {
				t.Errorf("ordered, it is answered by a poll of %s", got)
			}
		})
	}
}
