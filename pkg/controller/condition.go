package controller

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// judge sets the conditions of a status that tells of its artifact already.
func judge(status *v1.OCIRepositoryStatus, object *v1.OCIRepository, found outcome, now metav1.Time) {
	c := conditions{list: &status.Conditions, generation: object.Generation, now: now}
	if status.Artifact == nil || found.lost {
		c.drop(v1.ConditionArtifactInStorage)
	}
	c.pend(found)
	note := missingNote(object.Status, *status, found)
	switch {
	case found.failure != nil:
		c.outdated(status.Artifact, found.result.Revision)
		c.fail(found.failure, note)
	case status.Artifact == nil:
		c.wait(found)
	default:
		c.succeed(found.result)
	}
	c.verified(status.Artifact, found, note)
}

// conditions changes a list of conditions in place.
type conditions struct {
	list       *[]metav1.Condition
	generation int64
	now        metav1.Time
}

// succeed tells of an artifact.
func (c conditions) succeed(result source.Result) {
	c.drop(v1.ConditionReconciling, v1.ConditionStalled,
		v1.ConditionArtifactOutdated, v1.ConditionFetchFailed, v1.ConditionStorageOperationFailed)
	c.set(v1.ConditionReady, metav1.ConditionTrue, v1.ReasonSucceeded, attempt.Succeeded(result))
	c.set(v1.ConditionArtifactInStorage, metav1.ConditionTrue, v1.ReasonSucceeded, attempt.Stored(result.Revision))
}

// What a failure adds where the last artifact does not stay, which a download would only tell as 503 or 404.
const (
	lostNote      = "; the last artifact is not served either: the store has lost it"
	withdrawnNote = "; what was advertised is withdrawn"
)

// missingNote says it of a withdrawal as long as nothing takes the place of what was withdrawn, whatever fails meanwhile.
func missingNote(before, after v1.OCIRepositoryStatus, found outcome) string {
	switch {
	case after.Artifact != nil && found.lost:
		return lostNote
	case after.Artifact == nil && (before.Artifact != nil || strings.HasSuffix(ready(before).Message, withdrawnNote)):
		return withdrawnNote
	}
	return ""
}

func (c conditions) fail(failure *source.Error, note string) {
	message := explained(failure, note)
	c.set(v1.ConditionReady, metav1.ConditionFalse, failure.Reason, message)
	if failure.Terminal {
		c.drop(v1.ConditionReconciling)
		c.set(v1.ConditionStalled, metav1.ConditionTrue, failure.Reason, message)
	} else {
		c.drop(v1.ConditionStalled)
		c.set(v1.ConditionReconciling, metav1.ConditionTrue, v1.ReasonProgressingWithRetry, message)
	}
	for _, kind := range []string{v1.ConditionFetchFailed, v1.ConditionStorageOperationFailed} {
		if kind != failure.Condition {
			c.drop(kind)
		}
	}
	if failure.Condition != v1.ConditionSourceVerified {
		c.set(failure.Condition, metav1.ConditionTrue, failure.Reason, message)
	}
}

// explained leaves room for the note in an event, too.
func explained(failure *source.Error, note string) string {
	if note != "" {
		return clip(failure.Error(), maxNote-len(note)) + note
	}
	return clip(failure.Error(), maxMessage)
}

// verified tells of the verification that failed or could not be made, or else of what is advertised: whatever else failed, that is
// verified by then.
func (c conditions) verified(artifact *v1.Artifact, found outcome, note string) {
	failure := found.failure
	switch {
	case failure != nil && failure.Unknown:
		c.set(v1.ConditionSourceVerified, metav1.ConditionUnknown, v1.ReasonVerificationError, explained(failure, note))
	case failure != nil && failure.Condition == v1.ConditionSourceVerified:
		c.set(v1.ConditionSourceVerified, metav1.ConditionFalse, failure.Reason, explained(failure, note))
	case artifact == nil || !found.result.Required:
		c.drop(v1.ConditionSourceVerified)
	default:
		c.set(v1.ConditionSourceVerified, metav1.ConditionTrue, v1.ReasonSucceeded, "verified signature of revision "+artifact.Revision)
	}
}

// outdated says so where the run that failed saw another revision than the artifact's. One that saw none knows no better than
// the run before. Nothing that is not there is outdated.
func (c conditions) outdated(artifact *v1.Artifact, seen string) {
	switch {
	case seen == "" && artifact != nil:
	case artifact == nil || artifact.Revision == seen:
		c.drop(v1.ConditionArtifactOutdated)
	default:
		c.set(v1.ConditionArtifactOutdated, metav1.ConditionTrue, v1.ReasonNewRevision, fmt.Sprintf("new revision '%s'", seen))
	}
}

func (c conditions) set(kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(c.list, metav1.Condition{
		Type:               kind,
		Status:             status,
		ObservedGeneration: c.generation,
		LastTransitionTime: c.now,
		Reason:             reason,
		Message:            message,
	})
}

func (c conditions) drop(kinds ...string) {
	for _, kind := range kinds {
		meta.RemoveStatusCondition(c.list, kind)
	}
}

// Bytes of a message in a condition, where the schema allows 32 KiB, and in an event, where the API server allows 1 KiB.
const (
	maxMessage = 4 << 10
	maxNote    = 1 << 10
)

// clip makes a text that may quote a registry fit: valid UTF-8, which is what the API server would make of it, and at most limit bytes.
func clip(text string, limit int) string {
	const more = "…"
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-len(more)], "") + more
}
