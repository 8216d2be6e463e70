package controller

import (
	"context"
	"strings"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// rest leaves a suspended object alone, once its artifact is served here.
func (r *Reconciler) rest(ctx context.Context, object *v1.OCIRepository) (ctrl.Result, error) {
	if err := r.acknowledge(ctx, object); err != nil {
		return ctrl.Result{}, ignoreSuperseded(err)
	}
	wait, err := r.inherit(ctx, object)
	return ctrl.Result{RequeueAfter: wait}, ignoreSuperseded(err)
}

// inherit advertises anew what another controller advertised of a suspended object: its files went with it, and nobody who suspends an
// object wants consumers to be left without. It tells when to try again; zero: not by itself.
func (r *Reconciler) inherit(ctx context.Context, object *v1.OCIRepository) (again time.Duration, err error) {
	last := object.Status.Artifact
	if last == nil || last.Metadata[v1.MetadataSource] != "" {
		return 0, nil
	}
	then := asAdvertised(object)
	found := r.run(ctx, then)
	if found.failure != nil {
		log.FromContext(ctx).Info("the artifact of a suspended object cannot be taken over", "error", found.failure.Error())
		return next(object, found.failure, r.Pace, r.Jitter), nil //nolint:nilerr // another time, then
	}
	found.result.Revision = last.Revision
	before, after := *object.Status.DeepCopy(), *object.Status.DeepCopy()
	advertise(&after, then, found.result, r.Address, time.Now())
	if err := r.writeStatus(ctx, object, after); err != nil {
		return 0, err
	}
	r.rivals.left(object)
	r.announce(ctx, object, before, after)
	return 0, nil
}

// asAdvertised is an object whose spec asks for what its status advertises: that revision, whatever its tag points to by now, made by
// the rules it was made by.
func asAdvertised(object *v1.OCIRepository) *v1.OCIRepository {
	o := object.DeepCopy()
	revision := o.Status.Artifact.Revision
	o.Spec.Reference = &v1.OCIRepositoryRef{Digest: revision[strings.LastIndexByte(revision, '@')+1:]}
	o.Spec.Ignore, o.Spec.LayerSelector = o.Status.ObservedIgnore, o.Status.ObservedLayerSelector
	return o
}
