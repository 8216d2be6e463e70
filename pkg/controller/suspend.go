package controller

import (
	"context"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// suspended is the status of an object that is left alone: what it said stays, and counts as an answer, as with Flux. Otherwise whoever
// waits until a status tells of the spec as it is now would wait until the object is resumed. Where nothing was ever found there is
// nothing to say.
func suspended(object *v1.OCIRepository) v1.OCIRepositoryStatus {
	status := *object.Status.DeepCopy()
	if request, ok := object.Annotations[v1.AnnotationReconcileRequest]; ok {
		status.LastHandledReconcileAt = request
	}
	if len(status.Conditions) > 0 {
		status.ObservedGeneration = object.Generation
	}
	for i := range status.Conditions {
		status.Conditions[i].ObservedGeneration = object.Generation
	}
	return status
}

// acknowledge answers what was asked of a suspended object.
func (r *Reconciler) acknowledge(ctx context.Context, object *v1.OCIRepository) error {
	status := suspended(object)
	if !changed(object.Status, status) {
		return nil
	}
	if err := r.writeStatus(ctx, object, status); err != nil {
		return err
	}
	r.rivals.left(object)
	return nil
}
