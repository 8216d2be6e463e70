package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// standsBack tells whether the agent leaves an object to another controller, and when to look again at the latest. It says so once. To
// find out whether the other one is still there it takes off Flux's finalizer: a live one puts it on again when it looks at the object.
func (r *Reconciler) standsBack(ctx context.Context, object *v1.OCIRepository) (wait time.Duration, back bool, err error) {
	met := r.rivals.meet(object, time.Now())
	if met.rival != "" {
		note := fmt.Sprintf("%s writes this object too: the agent stands back and leaves it alone. Stop that controller, "+
			"or have each select its own objects: source-controller with --watch-label-selector=!sharding.fluxcd.io/key, "+
			"and the agent with --watch-label-selector=sharding.fluxcd.io/key", met.rival)
		r.tell(ctx, object, corev1.EventTypeWarning, v1.ReasonStandingBack, note)
	}
	if met.probe {
		if err := r.releaseFinalizer(ctx, object); err != nil {
			return 0, true, err
		}
		r.rivals.probed(object, time.Now())
	}
	return met.wait, met.back, nil
}

// Slim has a cache keep, of an object's managed fields, nothing but who wrote the status, and when: what standing back needs.
func Slim(in any) (any, error) {
	object, err := meta.Accessor(in)
	if err != nil || object.GetManagedFields() == nil {
		return in, nil //nolint:nilerr // what is no object has no managed fields
	}
	var writers []metav1.ManagedFieldsEntry
	for _, e := range object.GetManagedFields() {
		if e.Subresource == "status" {
			e.FieldsV1 = nil
			writers = append(writers, e)
		}
	}
	object.SetManagedFields(writers)
	return in, nil
}

// contested passes an update by which somebody else wrote the status, took away what consumers or people read in it, or put Flux's
// finalizer on.
func contested() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		if emptied(e.ObjectOld, e.ObjectNew) {
			return true
		}
		if controllerutil.ContainsFinalizer(e.ObjectNew, v1.FinalizerFlux) && !controllerutil.ContainsFinalizer(e.ObjectOld, v1.FinalizerFlux) {
			return true
		}
		return slices.ContainsFunc(statusWriters(e.ObjectNew), func(w metav1.ManagedFieldsEntry) bool {
			return w.Manager != string(fieldOwner) && !wroteAlready(e.ObjectOld, w)
		})
	}}
}

// emptied tells whether the artifact or the condition Ready went. Whoever only takes something away leaves no trace among the writers.
func emptied(before, after client.Object) bool {
	was, ok := before.(*v1.OCIRepository)
	is, also := after.(*v1.OCIRepository)
	return ok && also &&
		(was.Status.Artifact != nil && is.Status.Artifact == nil || ready(was.Status).Type != "" && ready(is.Status).Type == "")
}

func wroteAlready(object client.Object, w metav1.ManagedFieldsEntry) bool {
	return slices.ContainsFunc(statusWriters(object), func(o metav1.ManagedFieldsEntry) bool {
		return o.Manager == w.Manager && o.Operation == w.Operation && o.Time.Equal(w.Time)
	})
}
