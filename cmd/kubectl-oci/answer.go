package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiwatch "k8s.io/apimachinery/pkg/watch"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// answer waits until the agent has answered what object asks for, and gives the message of its success.
func (c *connection) answer(ctx context.Context, object *v1.OCIRepository, patience time.Duration) (message string, err error) {
	last, answered := object, false
	only := selection{names: []string{object.Name}}
	err = c.follow(ctx, object.Namespace, only, func(kind apiwatch.EventType, u *unstructured.Unstructured) (done bool, err error) {
		if last, err = typed(u); err != nil {
			return false, err
		}
		if kind == apiwatch.Deleted || last.UID != object.UID {
			return false, errDeleted
		}
		answered, message, err = settled(last, object)
		return answered, err
	})
	if apierrors.IsNotFound(err) {
		err = errDeleted
	}
	if !answered && expired(ctx) {
		return "", unanswered(last, patience)
	}
	return message, err
}

var errDeleted = errors.New("it was deleted meanwhile")

func unanswered(o *v1.OCIRepository, patience time.Duration) error {
	text := fmt.Sprintf("no answer within %s", patience)
	if c := meta.FindStatusCondition(o.Status.Conditions, v1.ConditionReady); c != nil {
		text += "; its status says: " + oneLineOf(c.Message)
	}
	return &hintedError{errors.New(text), "does an agent run that watches this object? --timeout sets how long to wait"}
}

// settled tells whether the agent has looked at what was asked for, and how that ended. What is suspended meanwhile has no end.
func settled(now, asked *v1.OCIRepository) (done bool, message string, err error) {
	if now.Spec.Suspend {
		return false, "", errors.New("it was suspended meanwhile")
	}
	ready := meta.FindStatusCondition(now.Status.Conditions, v1.ConditionReady)
	if !answers(now, asked) || ready == nil || ready.ObservedGeneration < asked.Generation {
		return false, "", nil
	}
	switch {
	case ready.Status == metav1.ConditionTrue:
		return true, ready.Message, nil
	case ready.Status == metav1.ConditionFalse || ready.Reason == v1.ReasonWindowClosed:
		return true, "", fmt.Errorf("%s: %s", ready.Reason, oneLineOf(ready.Message))
	}
	return false, "", nil
}

// answers tells whether the status answers the request, or a later one of somebody else's, which has taken its place.
func answers(now, asked *v1.OCIRepository) bool {
	handled := now.Status.LastHandledReconcileAt
	if handled == "" {
		return false
	}
	return handled == asked.Annotations[v1.AnnotationReconcileRequest] || handled == now.Annotations[v1.AnnotationReconcileRequest]
}

// oneLineOf is a message of somebody else's, which may have several lines and must not reach a terminal's commands.
func oneLineOf(message string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, message)
	return strings.Join(strings.Fields(clean), " ")
}
