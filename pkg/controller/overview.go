package controller

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/status"
)

// errUnread says that there is no overview yet.
var errUnread = errors.New("objects are not all read yet")

// Overview tells how every object is, and where this replica leads, when it was polled and will be. It reads the cache alone.
func (r *Reconciler) Overview(ctx context.Context) ([]status.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	var objects v1.OCIRepositoryList
	if err := r.Client.List(ctx, &objects, client.UnsafeDisableDeepCopy); err != nil {
		return nil, errUnread
	}
	all := make([]status.Object, 0, len(objects.Items))
	for i := range objects.Items {
		all = append(all, r.overview(&objects.Items[i]))
	}
	return all, nil
}

func (r *Reconciler) overview(object *v1.OCIRepository) status.Object {
	o := status.Object{
		Namespace: object.Namespace,
		Name:      object.Name,
		URL:       object.Spec.URL,
		Reference: referenceOf(object.Spec.Reference),
		Interval:  object.Spec.Interval.Duration,
		State:     r.state(object),
		Signature: r.trust(object),
	}
	if a := object.Status.Artifact; a != nil {
		o.Revision, o.Updated = a.Revision, a.LastUpdateTime.Time
	}
	if known := r.polls.of(client.ObjectKeyFromObject(object)); r.leads() {
		o.LastPoll = known.last
		if !object.Spec.Suspend {
			o.NextPoll = known.next
		}
	}
	if is := ready(object.Status); is.Type != "" && is.Status != metav1.ConditionTrue {
		o.Reason, o.Message = is.Reason, is.Message
	}
	return o
}

// state sums an object up, with what keeps it from being polled first.
func (r *Reconciler) state(object *v1.OCIRepository) status.State {
	is := ready(object.Status)
	switch {
	case object.Spec.Suspend:
		return status.Suspended
	case r.rivals.stepped(object):
		return status.Elsewhere
	case meta.IsStatusConditionTrue(object.Status.Conditions, v1.ConditionStalled):
		return status.Stalled
	case is.Status == metav1.ConditionTrue:
		return status.Ready
	case is.Status == metav1.ConditionFalse:
		return status.Failing
	}
	return status.Waiting
}

// trust tells what the status says of signatures; where it says nothing, whether anybody asks for them.
func (r *Reconciler) trust(object *v1.OCIRepository) status.Trust {
	is := meta.FindStatusCondition(object.Status.Conditions, v1.ConditionSourceVerified)
	switch {
	case is == nil && object.Spec.Verify == nil && (r.Policy == nil || !r.Policy().Verifies(object)):
		return status.NotRequired
	case is == nil || is.Status == metav1.ConditionUnknown:
		return status.Undetermined
	case is.Status == metav1.ConditionTrue:
		return status.Verified
	}
	return status.Refused
}

// referenceOf says which artifact of a repository is followed.
func referenceOf(ref *v1.OCIRepositoryRef) string {
	switch {
	case ref == nil:
	case ref.Digest != "":
		return "digest " + ref.Digest
	case ref.SemVer != "" && ref.SemverFilter != "":
		return fmt.Sprintf("semver %s of the tags that match %s", ref.SemVer, ref.SemverFilter)
	case ref.SemVer != "":
		return "semver " + ref.SemVer
	case ref.Tag != "":
		return "tag " + ref.Tag
	}
	return "tag latest"
}
