package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// action is what the controller was doing when an event came up, as the events API asks for it.
const action = "Reconcile"

// announce tells of a change of status in an event, and in the log. The object must be as the API server returned it with that
// status: events that differ in nothing else, its resource version included, are merged into the first one.
func (r *Reconciler) announce(ctx context.Context, object *v1.OCIRepository, before, after v1.OCIRepositoryStatus) {
	kind, reason, note := news(before, after)
	if kind == "" {
		return
	}
	log.FromContext(ctx).Info(note, "reason", reason)
	r.Events.AnnotatedEventf(object, nil, annotations(after.Artifact), kind, reason, action, "%s", clip(note, maxNote))
}

// news is the event that a change of status is worth, or an empty kind: a failure not told of yet, a new artifact, a recovery.
func news(before, after v1.OCIRepositoryStatus) (kind, reason, note string) {
	was, is := ready(before), ready(after)
	switch {
	case is.Status == metav1.ConditionFalse && was.Status == is.Status && was.Reason == is.Reason && was.Message == is.Message:
		return "", "", ""
	case is.Status == metav1.ConditionFalse:
		return corev1.EventTypeWarning, is.Reason, is.Message
	case replaced(before.Artifact, after.Artifact):
		return corev1.EventTypeNormal, v1.ReasonNewArtifact, is.Message
	case was.Status != is.Status:
		return corev1.EventTypeNormal, v1.ReasonSucceeded, is.Message
	}
	return "", "", ""
}

func ready(status v1.OCIRepositoryStatus) metav1.Condition {
	if c := meta.FindStatusCondition(status.Conditions, v1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// annotations name the artifact that consumers see when the event is written.
func annotations(artifact *v1.Artifact) map[string]string {
	if artifact == nil {
		return nil
	}
	return map[string]string{
		v1.AnnotationRevision: artifact.Revision,
		v1.AnnotationDigest:   artifact.Digest,
	}
}
