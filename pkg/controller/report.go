package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
)

// fieldOwner is the name under which the agent's writes appear in an object's managed fields.
const fieldOwner = client.FieldOwner(reporter)

// errSuperseded says that the spec changed during the run, so that what was found answers a question nobody asks any more.
var errSuperseded = errors.New("spec changed meanwhile")

// unanswered is what follows where nothing was written. A newer spec is in the queue already; another policy, or Secret, may not be.
func unanswered(err error) (ctrl.Result, error) {
	switch {
	case errors.Is(err, errSuperseded):
		return ctrl.Result{}, nil
	case errors.Is(err, errAmended):
		return ctrl.Result{RequeueAfter: minInterval}, nil
	}
	return ctrl.Result{}, err
}

// report writes the outcome of a run into the object's status, and into an event, where it says anything new. The event comes
// last: one that is lost tells nothing that the status does not.
func (r *Reconciler) report(ctx context.Context, object *v1.OCIRepository, found outcome) error {
	before := *object.Status.DeepCopy()
	found.lost = found.failure != nil && r.lost(object)
	after := answer(object, found, r.Address, time.Now())
	if changed(before, after) {
		if err := r.writeStatus(ctx, object, after); err != nil {
			return err
		}
	}
	r.rivals.left(object)
	r.announce(ctx, object, before, after)
	return nil
}

// lost tells whether what the status advertises is not served any more, as after a start with an empty disk.
func (r *Reconciler) lost(object *v1.OCIRepository) bool {
	if object.Status.Artifact == nil {
		return false
	}
	_, err := r.Store.Stat(attempt.KeyOf(object), digest.Digest(object.Status.Artifact.Digest))
	return err != nil
}

// changed tells whether a status has to be written. These are the reasons, and the passing of time is none:
//   - the artifact, one of its properties, or the address that serves it
//   - the ignore rules or the layer selector it was made by
//   - a condition that comes or goes, or another status, reason, message or generation of one
//   - a new generation that was answered
//   - a request to reconcile that was answered
func changed(before, after v1.OCIRepositoryStatus) bool {
	return !equality.Semantic.DeepEqual(before, after)
}

// writeStatus gives the object a status, unless its spec is not the one that the status was computed from any more. An object that
// is gone needs none.
func (r *Reconciler) writeStatus(ctx context.Context, object *v1.OCIRepository, status v1.OCIRepositoryStatus) error {
	name, uid, generation := client.ObjectKeyFromObject(object), object.UID, object.Generation
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		base := object.DeepCopy()
		object.Status = *status.DeepCopy()
		conflict := r.Client.Status().Patch(ctx, object, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}), fieldOwner)
		if !apierrors.IsConflict(conflict) {
			return conflict
		}
		if err := r.Live.Get(ctx, name, object); err != nil {
			return err
		}
		if object.UID != uid || object.Generation != generation {
			return errSuperseded
		}
		return conflict
	})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write status of %q: %w", name, err)
	}
	return nil
}
