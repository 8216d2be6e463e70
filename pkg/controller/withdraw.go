package controller

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// withdrawals has a replica that follows drop what is withdrawn as soon as the cache knows of it: before it has a worker for that, and
// also where something else is advertised by the time that it has one.
func (r *Reconciler) withdrawals() handler.EventHandler {
	return handler.Funcs{UpdateFunc: func(ctx context.Context, e event.UpdateEvent, _ workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		before, ok := e.ObjectOld.(*v1.OCIRepository)
		after, also := e.ObjectNew.(*v1.OCIRepository)
		if !ok || !also || r.leads() || before.Status.Artifact == nil || after.Status.Artifact != nil {
			return
		}
		if err := r.Store.Remove(keyOf(after)); err != nil {
			log.FromContext(ctx).Error(err, "what is withdrawn is dropped by the next reconcile")
		}
	}}
}
