package controller

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
)

// everywhere runs whether or not this replica leads.
type everywhere struct{ manager.RunnableFunc }

func (everywhere) NeedLeaderElection() bool { return false }

// leads tells whether this is the replica that reconciles. Once true, it stays so until the process ends.
func (r *Reconciler) leads() bool {
	if r.Elected == nil {
		return true
	}
	select {
	case <-r.Elected:
		return true
	default:
		return false
	}
}

// takeOver queues every object when this replica begins to lead, so that what its store lacks, or what no replica can reproduce, is
// advertised anew at once. Changes of objects go first.
type takeOver struct{ *Reconciler }

var _ source.Source = takeOver{}

// Start implements source.Source.
func (t takeOver) Start(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	go func() {
		select {
		case <-t.Elected:
			t.queueAll(ctx, queue)
		case <-ctx.Done():
		}
	}()
	return nil
}

// String names it in the log.
func (takeOver) String() string { return "begin to lead" }

// amendment ends what is under way and queues every object when another policy counts, so that what it does not permit any more, or
// requires from now on, takes effect at once.
type amendment struct{ *Reconciler }

var _ source.Source = amendment{}

// Start implements source.Source.
func (a amendment) Start(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	go func() {
		for {
			select {
			case <-a.PolicyChanges:
				a.runs.amended()
				a.queueAll(ctx, queue)
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

// String names it in the log.
func (amendment) String() string { return "another policy" }

func (r *Reconciler) queueAll(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	var objects v1.OCIRepositoryList
	if err := r.Client.List(ctx, &objects); err != nil {
		log.FromContext(ctx).Error(err, "objects wait for their interval") // from the cache: it has stopped
	}
	ordered, _ := queue.(priorityqueue.PriorityQueue[reconcile.Request])
	for i := range objects.Items {
		request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&objects.Items[i])}
		if ordered != nil {
			ordered.AddWithOpts(priorityqueue.AddOpts{Priority: new(handler.LowPriority)}, request)
			continue
		}
		queue.Add(request)
	}
}

// followed passes an update that a replica in waiting has to follow: what is advertised is another artifact, or none any more. The
// leader wrote that itself.
func (r *Reconciler) followed() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1.OCIRepository)
		after, also := e.ObjectNew.(*v1.OCIRepository)
		return ok && also && !r.leads() && attempt.Advertised(before.Status).Digest != attempt.Advertised(after.Status).Digest
	}}
}
