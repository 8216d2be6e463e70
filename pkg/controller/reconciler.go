package controller

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// Runner turns a spec into an entry of the store, as [source.Source] does. The error is a *source.Error. It must be safe for
// concurrent use with different keys.
type Runner interface {
	Run(context.Context, source.Request) (source.Result, error)
}

// Reconciler reconciles OCIRepository objects. Fields that say so may be left out, and Retention and Jitter.
type Reconciler struct {
	Client    client.Client // reads objects from a cache that includes its own writes
	Live      client.Reader // reads Secrets, and objects that changed meanwhile, from the API server
	Source    Runner
	Mirror    Mirror          // nil: nothing is fetched from other replicas
	Elected   <-chan struct{} // closed when this replica leads; nil: it always does
	Store     *store.Store
	Instance  string                   // which of several agents it is, in events; at most 128 bytes
	Durations *prometheus.HistogramVec // see NewDurations
	Address   string                   // host[:port] under which consumers reach the file server
	Retention store.Retention
	Pace      Pace
	Jitter    float64 // part of the interval, 0 to 1, that a poll may come early or late

	VerifyInterval        time.Duration   // objects that ask for signatures are polled at least so often; zero: at their interval
	Policy                func() *Rules   // what the administrator permits and requires now; nil: there is no file
	PolicyChanges         <-chan struct{} // one is received for each policy that counts from then on; nil: none comes
	Identities            Identities      // at cloud providers
	DefaultServiceAccount string          // whose identity objects without a ServiceAccount have there; empty: the agent's own
	WatchSecrets          bool            // reconcile objects when a Secret or ServiceAccount that they refer to changes
	Notifier              *Notifier       // who is told of events too; nil: nobody

	rivals   rivals
	runs     runs
	orders   orders
	absences absences
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
		wait = min(wait, found.hold.wake(object, r.Jitter, time.Now()))
	}
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
	hold    hold
	terms   terms // that it went by
}

// maxRun bounds what one object may take of a worker at a time. After that, others come first for as long.
const maxRun = 30 * time.Minute

var errTooLong = fmt.Errorf("the artifact did not arrive within %s", maxRun)

func (r *Reconciler) run(ctx context.Context, object *v1.OCIRepository) outcome {
	ctx, cancel := context.WithTimeoutCause(ctx, maxRun, errTooLong)
	defer cancel()
	t := r.terms(ctx, object)
	hold, unread := holdOf(object, time.Now())
	found := r.runBy(ctx, object, t, hold, unread)
	found.hold, found.terms = hold, t
	if failure := found.failure; failure != nil && !failure.Withdraws && context.Cause(ctx) == errTooLong { //nolint:errorlint // this very run
		found.failure = &source.Error{
			Condition: v1.ConditionFetchFailed, Reason: v1.ReasonPullFailed, RetryAt: time.Now().Add(maxRun), Unknown: failure.Unknown, Err: errTooLong,
		}
	}
	return found
}

// runBy is a run by the terms, and by windows that may be unread. Where spec.verify trusts nobody, nothing else needs to be known; where it
// cannot be read, what the administrator requires holds all the same.
func (r *Reconciler) runBy(ctx context.Context, object *v1.OCIRepository, t terms, hold hold, unread error) outcome {
	switch {
	case t.unread != nil && !t.unread.Unknown:
		return outcome{failure: t.unread}
	case t.unread != nil:
		return r.keepOrWithdraw(ctx, object, t, *t.unread)
	case unread != nil:
		return r.keepOrWithdraw(ctx, object, t, *asFailure(unread))
	}
	result, err := r.expose(ctx, object, t, hold)
	return outcome{result: result, failure: asFailure(err)}
}

// expose has the source look at the registry with the credentials that the object refers to.
func (r *Reconciler) expose(ctx context.Context, object *v1.OCIRepository, t terms, hold hold) (source.Result, error) {
	req := source.Request{
		Key:          keyOf(object),
		Spec:         object.Spec,
		Advertised:   advertised(object.Status),
		Hold:         hold.closed,
		Adopt:        hold.adopt,
		Requirements: t.requirements,
	}
	way, err := r.way(ctx, object, t)
	if err != nil {
		req.Barred = asFailure(err)
		return r.Source.Run(ctx, req)
	}
	req.Access = way.Access
	req.Access.After = fresh(object, r.orders.given(object), time.Now())
	result, err := r.Source.Run(ctx, req)
	if err == nil {
		r.orders.follow(object)
	}
	return result, way.blame(object, err)
}

// asFailure takes an error of an unknown kind for one of the registry.
func asFailure(err error) *source.Error {
	if err == nil {
		return nil
	}
	if failure, ok := errors.AsType[*source.Error](err); ok {
		return failure
	}
	return &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonReadOperationFailed, Err: err}
}
