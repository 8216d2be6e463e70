package controller

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// Reconciler reconciles OCIRepository objects. Fields that say so may be left out, and Retention and Jitter.
type Reconciler struct {
	Client    client.Client // reads objects from a cache that includes its own writes
	Live      client.Reader // reads Secrets, and objects that changed meanwhile, from the API server
	Source    attempt.Runner
	Mirror    Mirror          // nil: nothing is fetched from other replicas
	Elected   <-chan struct{} // closed when this replica leads; nil: it always does
	Store     *store.Store
	Instance  string                   // which of several agents it is, in events; at most 128 bytes
	Durations *prometheus.HistogramVec // see NewDurations
	Address   string                   // host[:port] under which consumers reach the file server
	Retention store.Retention
	Pace      Pace
	Jitter    float64 // part of the interval, 0 to 1, that a poll may come early or late

	VerifyInterval        time.Duration         // objects that ask for signatures are polled at least so often; zero: at their interval
	Policy                func() *attempt.Rules // what the administrator permits and requires now; nil: there is no file
	PolicyChanges         <-chan struct{}       // one is received for each policy that counts from then on; nil: none comes
	Identities            attempt.Identities    // at cloud providers
	DefaultServiceAccount string                // whose identity objects without a ServiceAccount have there; empty: the agent's own
	WatchSecrets          bool                  // reconcile objects when a Secret or ServiceAccount that they refer to changes
	Notifier              *Notifier             // who is told of events too; nil: nobody

	rivals   rivals
	runs     runs
	orders   orders
	absences absences
	polls    polls
	told     sync.Map // names of the objects of whose state the log knows
}

// readTimeout bounds the wait for the cache to catch up with the reconciler's own writes.
const readTimeout = 10 * time.Second

// Reconcile brings one object and what is exposed for it up to date; where this replica does not lead, only its own store. An error is
// trouble with the API server or the disk: again, after a back-off.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	object, err := r.read(ctx, req.NamespacedName)
	switch {
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, r.forget(req.NamespacedName)
	case err != nil:
		return ctrl.Result{}, err
	}
	missing := r.mirror(ctx, object)
	if !r.leads() {
		return r.follow(object, missing == nil)
	}
	ctx = context.WithoutCancel(ctx) // a shutdown waits for what has begun
	if wait, back, err := r.standsBack(ctx, object); back {
		return ctrl.Result{RequeueAfter: wait}, err
	}
	if err := r.releaseFinalizer(ctx, object); err != nil {
		return ctrl.Result{}, err
	}
	switch {
	case !object.DeletionTimestamp.IsZero():
		return ctrl.Result{}, nil
	case object.Spec.Suspend:
		return r.rest(ctx, object)
	}
	defer r.observe(object, time.Now())
	found, err := r.attempt(ctx, object)
	if err == nil {
		err = r.replace(ctx, object, found.failure)
	}
	if err == nil {
		err = r.report(ctx, object, found)
	}
	if err != nil {
		return unanswered(err)
	}
	if err := r.prune(object); err != nil {
		return ctrl.Result{}, err
	}
	wait := next(object, found.failure, r.Pace, r.Jitter)
	wait = r.verifiedAgain(object, found.terms, wait)
	if found.result.Waiting != "" {
		wait = min(wait, wake(found.hold, object, r.Jitter, time.Now()))
	}
	r.polls.note(req.NamespacedName, time.Now(), wait)
	return ctrl.Result{RequeueAfter: wait}, nil
}

func (r *Reconciler) read(ctx context.Context, name types.NamespacedName) (*v1.OCIRepository, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	object := &v1.OCIRepository{}
	return object, r.Client.Get(ctx, name, object)
}

// outcome is what a run came to.
type outcome struct {
	result  source.Result
	failure *source.Error // nil: it succeeded
	lost    bool          // the store has no more what is advertised, and the run could not replace it
	hold    attempt.Hold
	terms   attempt.Terms // that it went by
}

// maxRun bounds what one object may take of a worker at a time. After that, others come first for as long.
const maxRun = 30 * time.Minute

var errTooLong = fmt.Errorf("the artifact did not arrive within %s", maxRun)

func (r *Reconciler) run(ctx context.Context, object *v1.OCIRepository) outcome {
	ctx, cancel := context.WithTimeoutCause(ctx, maxRun, errTooLong)
	defer cancel()
	tried := r.means().Run(ctx, object, fresh(object, r.orders.given(object), time.Now()))
	if tried.Answered {
		r.orders.follow(object)
	}
	found := outcome{result: tried.Result, failure: tried.Failure, hold: tried.Hold, terms: tried.Terms}
	if failure := found.failure; failure != nil && !failure.Withdraws && context.Cause(ctx) == errTooLong { //nolint:errorlint // this very run
		found.failure = &source.Error{
			Condition: v1.ConditionFetchFailed, Reason: v1.ReasonPullFailed, RetryAt: time.Now().Add(maxRun), Unknown: failure.Unknown, Err: errTooLong,
		}
	}
	return found
}
