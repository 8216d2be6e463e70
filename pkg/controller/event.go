package controller

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

const (
	// reporter is who tells of what happens, in events.
	reporter = "oci-agent"
	// action is what the controller was doing when an event came up, as the events API asks for it.
	action = "Reconcile"
	// eventTimeout bounds the wait for an API server that has no time for events.
	eventTimeout = 5 * time.Second
)

// announce tells of a change of status. What fails since before this replica began to lead is news for its log, and for nobody else.
func (r *Reconciler) announce(ctx context.Context, object *v1.OCIRepository, before, after v1.OCIRepositoryStatus) {
	_, known := r.told.LoadOrStore(client.ObjectKeyFromObject(object), nil)
	if kind, reason, note := news(before, after); kind != "" {
		r.tell(ctx, object, kind, reason, note)
	} else if is := ready(after); !known && is.Status == metav1.ConditionFalse {
		say(ctx, corev1.EventTypeWarning, is.Reason, is.Message)
	}
}

// say tells the log: of what somebody has to look at, as an error.
func say(ctx context.Context, kind, reason, note string) {
	if kind == corev1.EventTypeWarning {
		log.FromContext(ctx).Error(errors.New(note), "the object needs attention", "reason", reason)
		return
	}
	log.FromContext(ctx).Info(note, "reason", reason)
}

// tell tells of something in an event, to whoever is to be notified, and in the log. It returns when the event is written, so that a
// process that is about to end loses none; one that cannot be written is no reason to do anything again.
func (r *Reconciler) tell(ctx context.Context, object *v1.OCIRepository, kind, reason, note string) {
	say(ctx, kind, reason, note)
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	event := r.newEvent(object, kind, reason, note)
	r.Notifier.notify(event, note)
	if err := r.Client.Create(ctx, event, fieldOwner, client.DisableReadYourWritesConsistency); err != nil {
		log.FromContext(ctx).Error(err, "an event is lost", "reason", reason)
	}
}

func (r *Reconciler) newEvent(object *v1.OCIRepository, kind, reason, note string) *eventsv1.Event {
	return &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: object.Namespace, GenerateName: object.Name + "-", Annotations: annotations(object)},
		EventTime:           metav1.NowMicro(),
		ReportingController: reporter,
		ReportingInstance:   r.Instance,
		Regarding: corev1.ObjectReference{
			APIVersion:      v1.GroupVersion().String(),
			Kind:            v1.KindOCIRepository,
			Namespace:       object.Namespace,
			Name:            object.Name,
			UID:             object.UID,
			ResourceVersion: object.ResourceVersion,
		},
		Type:   kind,
		Reason: reason,
		Action: action,
		Note:   clip(note, maxNote),
	}
}

// news is the event that a change of status is worth, or an empty kind: a failure not told of yet, a new artifact, a recovery,
// an update that has to wait.
func news(before, after v1.OCIRepositoryStatus) (kind, reason, note string) {
	was, is := ready(before), ready(after)
	switch {
	case is.Status == metav1.ConditionFalse && was.Status == is.Status && was.Reason == is.Reason && was.Message == is.Message:
		return "", "", ""
	case is.Status == metav1.ConditionFalse:
		return corev1.EventTypeWarning, is.Reason, is.Message
	case after.Artifact != nil && replaced(before.Artifact, after.Artifact):
		return corev1.EventTypeNormal, v1.ReasonNewArtifact, is.Message
	case is.Status == metav1.ConditionTrue && was.Status != is.Status:
		return corev1.EventTypeNormal, v1.ReasonSucceeded, is.Message
	}
	if waits := pending(after); waits != "" && (waits != pending(before) || was.Status != is.Status) {
		return corev1.EventTypeNormal, v1.ReasonWindowClosed, waits
	}
	return "", "", ""
}

func ready(status v1.OCIRepositoryStatus) metav1.Condition {
	if c := meta.FindStatusCondition(status.Conditions, v1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// annotations name the artifact that consumers see when the event is written, and give what the object says to whoever is notified.
func annotations(object *v1.OCIRepository) map[string]string {
	all := remarks(object.Annotations)
	if artifact := object.Status.Artifact; artifact != nil {
		all[v1.AnnotationRevision], all[v1.AnnotationDigest] = artifact.Revision, artifact.Digest
	}
	return all
}
