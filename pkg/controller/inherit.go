package controller

import (
	"context"
	"strings"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// rest leaves a suspended object alone, once its artifact is served here.
func (r *Reconciler) rest(ctx context.Context, object *v1.OCIRepository) (ctrl.Result, error) {
	if err := r.acknowledge(ctx, object); err != nil {
		return unanswered(err)
	}
	wait, err := r.inherit(ctx, object)
	if err != nil {
		return unanswered(err)
	}
	return ctrl.Result{RequeueAfter: wait}, nil
}

// inherit sees to it that what a suspended object advertises is served: nobody who suspends one wants consumers to be left without. What
// another controller advertised went with that one's files, and what this one did may have gone with a disk. It tells when to try again;
// zero: not by itself.
func (r *Reconciler) inherit(ctx context.Context, object *v1.OCIRepository) (again time.Duration, err error) {
	last := object.Status.Artifact
	if last == nil || last.Metadata[v1.MetadataSource] != "" && !r.lost(object) {
		return 0, nil
	}
	failure, err := r.renew(ctx, object)
	if err != nil || failure == nil {
		return 0, err
	}
	log.FromContext(ctx).Info("the artifact of a suspended object cannot be taken over", "error", failure.Error())
	return next(object, failure, r.Pace, r.Jitter), nil
}

// replace sees to it that what an object advertises is served where the store has lost it and what its spec asks for now cannot be had. An
// artifact that must not be trusted stays away.
func (r *Reconciler) replace(ctx context.Context, object *v1.OCIRepository, found *source.Error) error {
	if found == nil || withdraws(found) || !r.lost(object) {
		return nil
	}
	failure, err := r.renew(ctx, object)
	if failure != nil {
		log.FromContext(ctx).Info("the artifact that is lost cannot be replaced", "error", failure.Error())
	}
	return err
}

// renew puts back what an object advertises. Where that makes other bytes than those advertised, as when another controller or another
// version packed them, they are advertised anew, under the same revision. The failure tells why it cannot be done now, and nothing is
// written then.
func (r *Reconciler) renew(ctx context.Context, object *v1.OCIRepository) (*source.Error, error) {
	then := asAdvertised(object)
	found, err := r.attempt(ctx, then)
	if err != nil || found.failure != nil {
		return found.failure, err
	}
	found.result.Revision = object.Status.Artifact.Revision
	before, after := *object.Status.DeepCopy(), *object.Status.DeepCopy()
	advertise(&after, then, found.result, r.Address, time.Now())
	if !changed(before, after) {
		return nil, nil //nolint:nilnil // the very same bytes are back
	}
	if err := r.writeStatus(ctx, object, after); err != nil {
		return nil, err
	}
	r.rivals.left(object)
	r.announce(ctx, object, before, after)
	return nil, nil //nolint:nilnil // no failure either
}

// asAdvertised is an object whose spec asks for what its status advertises: that revision, whatever its tag points to by now, made by
// the rules it was made by. No window has a say where no other revision is adopted.
func asAdvertised(object *v1.OCIRepository) *v1.OCIRepository {
	o := object.DeepCopy()
	revision := o.Status.Artifact.Revision
	o.Spec.Reference = &v1.OCIRepositoryRef{Digest: revision[strings.LastIndexByte(revision, '@')+1:]}
	o.Spec.Ignore, o.Spec.LayerSelector = o.Status.ObservedIgnore, o.Status.ObservedLayerSelector
	delete(o.Annotations, v1.AnnotationWindow)
	delete(o.Annotations, v1.AnnotationAdopt)
	return o
}
