package controller

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// forget drops all that there is of an object that is gone.
func (r *Reconciler) forget(name types.NamespacedName) error {
	r.rivals.forget(name)
	r.told.Delete(name)
	r.absences.end(store.Key{Namespace: name.Namespace, Name: name.Name})
	r.orders.forget(name)
	r.polls.forget(name)
	r.Durations.DeletePartialMatch(labels(name.Namespace, name.Name))
	return r.Store.Remove(store.Key{Namespace: name.Namespace, Name: name.Name})
}

// prune drops entries that the object's status does not point to any more.
func (r *Reconciler) prune(object *v1.OCIRepository) error {
	if object.Status.Artifact == nil {
		return r.Store.Remove(attempt.KeyOf(object))
	}
	keep := r.Retention
	keep.Since = object.Status.Artifact.LastUpdateTime.Time
	return r.Store.Prune(attempt.KeyOf(object), digest.Digest(object.Status.Artifact.Digest), keep)
}

// sweep drops what the store holds for objects that went while no agent was there to see it. The keys are read before the objects:
// whatever is in the store by then belongs to an object that the cache knows, or to none.
func (r *Reconciler) sweep(ctx context.Context) error {
	gone := map[store.Key]bool{}
	for _, key := range r.Store.Keys() {
		gone[key] = true
	}
	var objects v1.OCIRepositoryList
	if err := r.Client.List(ctx, &objects); err != nil {
		return fmt.Errorf("list objects: %w", err)
	}
	for i := range objects.Items {
		delete(gone, attempt.KeyOf(&objects.Items[i]))
	}
	for key := range gone {
		if err := r.Store.Remove(key); err != nil {
			return err
		}
	}
	return nil
}

// releaseFinalizer takes off the finalizer that Flux's controller put on, which would otherwise keep the object from going when no
// agent is there.
func (r *Reconciler) releaseFinalizer(ctx context.Context, object *v1.OCIRepository) error {
	base := object.DeepCopy()
	if !controllerutil.RemoveFinalizer(object, v1.FinalizerFlux) {
		return nil
	}
	patch := client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, object, patch, fieldOwner); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("remove finalizer of %q: %w", client.ObjectKeyFromObject(object), err)
	}
	r.rivals.released(object)
	return nil
}
