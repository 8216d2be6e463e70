package controller

import (
	"context"

	"github.com/opencontainers/go-digest"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// withdrawals has a replica that follows drop what is withdrawn as soon as the cache knows of it: before it has a worker for that, and
// also where something else is advertised by the time that it has one.
func (r *Reconciler) withdrawals() handler.EventHandler {
	return handler.Funcs{UpdateFunc: func(ctx context.Context, e event.UpdateEvent, _ workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		before, ok := e.ObjectOld.(*v1.OCIRepository)
		after, also := e.ObjectNew.(*v1.OCIRepository)
		if !ok || !also || r.leads() || before.Status.Artifact == nil {
			return
		}
		if err := r.dropWithdrawn(before.Status, after); err != nil {
			log.FromContext(ctx).Error(err, "what is withdrawn is dropped by the next reconcile")
		}
	}}
}

func (r *Reconciler) dropWithdrawn(before v1.OCIRepositoryStatus, after *v1.OCIRepository) error {
	switch {
	case after.Status.Artifact == nil:
		return r.Store.Remove(attempt.KeyOf(after))
	case unseen(before, after.Status):
		return r.Store.Prune(attempt.KeyOf(after), digest.Digest(after.Status.Artifact.Digest), store.Retention{Records: -1})
	}
	return nil
}

// unseen tells whether an artifact may have been withdrawn before another one took its place, by states that were missed while the watch
// was interrupted: both are verified, but that has not always been so in between.
func unseen(before, after v1.OCIRepositoryStatus) bool {
	then := meta.FindStatusCondition(before.Conditions, v1.ConditionSourceVerified)
	now := meta.FindStatusCondition(after.Conditions, v1.ConditionSourceVerified)
	return then != nil && now != nil && then.Status == metav1.ConditionTrue && now.Status == metav1.ConditionTrue &&
		!then.LastTransitionTime.Equal(&now.LastTransitionTime) && before.Artifact.Digest != after.Artifact.Digest
}
