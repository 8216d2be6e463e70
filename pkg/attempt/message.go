package attempt

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// Ready is what the condition Ready says of the outcome, before anything is cut off.
func (o Outcome) Ready() (status metav1.ConditionStatus, reason, message string) {
	switch {
	case o.Failure != nil:
		return metav1.ConditionFalse, o.Failure.Reason, o.Failure.Error()
	case o.Result.Revision == "":
		return metav1.ConditionUnknown, v1.ReasonWindowClosed, Pending(o.Result.Waiting, o.Hold)
	}
	return metav1.ConditionTrue, v1.ReasonSucceeded, Succeeded(o.Result)
}

// Stored is the message of an artifact that is advertised.
func Stored(revision string) string { return fmt.Sprintf("stored artifact for digest '%s'", revision) }

// Succeeded is the message of a result, with what somebody may want to change in the spec nevertheless.
func Succeeded(r source.Result) string {
	waiting := ""
	if r.Waiting != "" { // said to those who look at Ready alone
		waiting = r.Waiting + " waits for a window"
	}
	parts := slices.DeleteFunc([]string{Stored(r.Revision), r.Note, waiting}, func(part string) bool { return part == "" })
	return strings.Join(parts, "; ")
}

// Pending says what waits, and until when at most.
func Pending(waiting string, h Hold) string {
	note := fmt.Sprintf("%s waits for the next window, which opens at %s", waiting, h.Opens.Format(time.RFC3339))
	switch {
	case h.Adopt == "":
	case h.Adopt.Validate() != nil:
		note += fmt.Sprintf("; what the annotation %s says is no digest, sha256: and 64 hex digits", v1.AnnotationAdopt)
	default:
		note += fmt.Sprintf("; it is not the one that the annotation %s names", v1.AnnotationAdopt)
	}
	return note
}
