package controller

import (
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// hold is what an object's windows say about new revisions at some moment.
type hold struct {
	closed bool
	opens  time.Time     // next; set while closed
	adopt  digest.Digest // of the manifest that is adopted all the same; not checked
}

// holdOf reads the object's annotations. Nobody waits for a first artifact, nor for what a changed spec asks for. Windows that cannot
// be read let nothing pass: a slip of the pen must neither open them nor go unnoticed.
func holdOf(object *v1.OCIRepository, now time.Time) (hold, error) {
	text, ok := object.Annotations[v1.AnnotationWindow]
	if !ok {
		return hold{}, nil
	}
	windows, err := parseWindows(text)
	if err != nil {
		return hold{}, &source.Error{
			Condition: v1.ConditionFetchFailed,
			Reason:    v1.ReasonWindowInvalid,
			Terminal:  true,
			Err:       fmt.Errorf("read annotation %s: %w", v1.AnnotationWindow, err),
		}
	}
	if windows.open(now) || !settled(object) {
		return hold{}, nil
	}
	return hold{closed: true, opens: windows.next(now), adopt: digest.Digest(object.Annotations[v1.AnnotationAdopt])}, nil
}

// settled tells whether the artifact that is advertised is what the spec as it is now asked for. The condition knows better than
// the status: a spec that was answered with a failure has no artifact yet.
func settled(object *v1.OCIRepository) bool {
	generation := object.Status.ObservedGeneration
	if c := meta.FindStatusCondition(object.Status.Conditions, v1.ConditionArtifactInStorage); c != nil {
		generation = c.ObservedGeneration
	}
	return object.Status.Artifact != nil && generation == object.Generation
}

// pend says which revision waits, and until when at most. A run that did not get as far as to see one knows no better than the one
// before, as long as the windows are closed.
func (c conditions) pend(found outcome) {
	switch {
	case found.result.Waiting != "":
		c.set(v1.ConditionUpdatePending, metav1.ConditionTrue, v1.ReasonWindowClosed, pendingNote(found.result.Waiting, found.hold))
	case found.failure == nil || !found.hold.closed || found.result.Revision != "":
		c.drop(v1.ConditionUpdatePending)
	}
}

func pendingNote(waiting string, h hold) string {
	note := fmt.Sprintf("revision '%s' waits for the next window, which opens at %s", waiting, h.opens.Format(time.RFC3339))
	if h.adopt != "" {
		note += fmt.Sprintf("; it is not the one that the annotation %s names", v1.AnnotationAdopt)
	}
	return note
}

// wake shortens a wait, so that what waits for a window is looked at when it opens.
func (h hold) wake(wait time.Duration, waiting string, now time.Time) time.Duration {
	if waiting == "" || h.opens.IsZero() {
		return wait
	}
	return min(wait, max(h.opens.Sub(now), minInterval))
}

// pending is what a status says of a revision that waits, or empty.
func pending(status v1.OCIRepositoryStatus) string {
	if c := meta.FindStatusCondition(status.Conditions, v1.ConditionUpdatePending); c != nil {
		return c.Message
	}
	return ""
}
