package controller

import (
	"time"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// Pace says how much the reconciler does at once, and how soon it tries again what failed.
type Pace struct {
	Concurrent         int // objects of a namespace at once; of all of them, twice as many
	MinRetry, MaxRetry time.Duration
}

// SetUp has the manager run the reconciler, everywhere: one that does not lead keeps its store in step. What the store holds for objects
// that are gone is dropped at the start.
func (r *Reconciler) SetUp(mgr ctrl.Manager) error {
	workers := workersFor(r.Pace.Concurrent)
	b := ctrl.NewControllerManagedBy(mgr).
		For(&v1.OCIRepository{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, requested(), contested(), r.followed()))).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			NewQueue:                newFairQueue(workers),
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](r.Pace.MinRetry, r.Pace.MaxRetry),
			NeedLeaderElection:      new(false),
		}).
		Watches(&v1.OCIRepository{}, r.runs.watch()).
		Watches(&v1.OCIRepository{}, r.withdrawals()).
		WatchesRawSource(takeOver{r}).
		WatchesRawSource(amendment{r})
	if r.WatchSecrets {
		b = r.watchSecrets(b)
	}
	if err := b.Complete(r); err != nil {
		return err
	}
	return mgr.Add(everywhere{r.sweep})
}

// requested passes an update by which somebody asks for a reconcile, or for other windows.
func requested() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
		for _, key := range []string{v1.AnnotationReconcileRequest, v1.AnnotationWindow, v1.AnnotationAdopt} {
			was, had := before[key]
			if is, has := after[key]; had != has || was != is {
				return true
			}
		}
		return false
	}}
}
