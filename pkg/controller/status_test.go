package controller

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

const address = "agent.oci-system.svc"

var (
	noon = time.Date(2024, 5, 17, 12, 0, 0, 0, time.UTC)
	key  = store.Key{Namespace: "apps", Name: "podinfo"}
)

func revision(n int) string {
	return fmt.Sprintf("v%d@%s", n, digest.FromString(fmt.Sprint("manifest", n)))
}

// stored is the outcome of a run that exposed artifact n.
func stored(n int) outcome {
	return outcome{result: source.Result{
		Revision: revision(n),
		Entry:    store.Entry{Key: key, Digest: digest.FromString(fmt.Sprint("bytes", n)), Size: int64(n)},
		Metadata: map[string]string{"org.opencontainers.image.revision": fmt.Sprint(n)},
	}}
}

func unchanged(n int) outcome {
	found := stored(n)
	found.result.Unchanged, found.result.Metadata = true, nil
	return found
}

func failed(condition, reason string, terminal bool) outcome {
	return outcome{failure: &source.Error{Condition: condition, Reason: reason, Terminal: terminal, Err: errors.New("it broke")}}
}

// sawButFailed is the outcome of a run that resolved artifact n and could not fetch it.
func sawButFailed(n int) outcome {
	found := failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)
	found.result.Revision = revision(n)
	return found
}

func onLostDisk(found outcome) outcome {
	found.lost = true
	return found
}

func newObject(generation int64) *v1.OCIRepository {
	return &v1.OCIRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Generation: generation},
		Status:     v1.OCIRepositoryStatus{ObservedGeneration: -1},
	}
}

// after gives an object of generation 1 the status that a series of outcomes leads to, an hour apart.
func after(outcomes ...outcome) *v1.OCIRepository {
	object := newObject(1)
	for i, found := range outcomes {
		object.Status = answer(object, found, address, noon.Add(time.Duration(i)*time.Hour))
	}
	return object
}

func summary(status v1.OCIRepositoryStatus) []string {
	var lines []string
	for _, c := range status.Conditions {
		lines = append(lines, fmt.Sprintf("%s=%s %s", c.Type, c.Status, c.Reason))
	}
	return lines
}

var verificationFailed = unsigned(func(f *source.Error) { f.Withdraws, f.Terminal = true, true })

// unsigned is the outcome of a run that found no signature.
func unsigned(change func(*source.Error)) outcome {
	found := failed(v1.ConditionSourceVerified, v1.ReasonVerificationError, false)
	change(found.failure)
	return found
}

// Every outcome, on an object without history and on one with it: what the conditions say, which artifact stays, and whether the
// generation counts as answered.
func TestStatusTellsOfEveryOutcome(t *testing.T) {
	t.Parallel()
	pullFailed := failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)
	tests := map[string]struct {
		history  []outcome
		found    outcome
		verify   bool
		want     []string
		artifact int // 0: none
		answered bool
	}{
		"first artifact": {
			found:    stored(1),
			want:     []string{"Ready=True Succeeded", "ArtifactInStorage=True Succeeded"},
			artifact: 1, answered: true,
		},
		"next artifact": {
			history:  []outcome{stored(1)},
			found:    stored(2),
			want:     []string{"Ready=True Succeeded", "ArtifactInStorage=True Succeeded"},
			artifact: 2, answered: true,
		},
		"nothing new": {
			history:  []outcome{stored(1)},
			found:    unchanged(1),
			want:     []string{"Ready=True Succeeded", "ArtifactInStorage=True Succeeded"},
			artifact: 1, answered: true,
		},
		"first try fails": {
			found: pullFailed,
			want:  []string{"Ready=False OCIArtifactPullFailed", "Reconciling=True ProgressingWithRetry", "FetchFailed=True OCIArtifactPullFailed"},
		},
		"registry goes away": {
			history:  []outcome{stored(1)},
			found:    failed(v1.ConditionFetchFailed, v1.ReasonReadOperationFailed, false),
			want:     []string{"Ready=False ReadOperationFailed", "ArtifactInStorage=True Succeeded", "Reconciling=True ProgressingWithRetry", "FetchFailed=True ReadOperationFailed"},
			artifact: 1,
		},
		"registry comes back": {
			history:  []outcome{stored(1), pullFailed},
			found:    unchanged(1),
			want:     []string{"Ready=True Succeeded", "ArtifactInStorage=True Succeeded"},
			artifact: 1, answered: true,
		},
		"new revision that cannot be fetched": {
			history: []outcome{stored(1)},
			found:   sawButFailed(2),
			want: []string{"Ready=False OCIArtifactPullFailed", "ArtifactInStorage=True Succeeded", "ArtifactOutdated=True NewRevision",
				"Reconciling=True ProgressingWithRetry", "FetchFailed=True OCIArtifactPullFailed"},
			artifact: 1,
		},
		"new revision seen earlier, registry silent now": {
			history: []outcome{stored(1), sawButFailed(2)},
			found:   pullFailed,
			want: []string{"Ready=False OCIArtifactPullFailed", "ArtifactInStorage=True Succeeded", "ArtifactOutdated=True NewRevision",
				"Reconciling=True ProgressingWithRetry", "FetchFailed=True OCIArtifactPullFailed"},
			artifact: 1,
		},
		"first revision that cannot be fetched": {
			found: sawButFailed(1),
			want: []string{"Ready=False OCIArtifactPullFailed",
				"Reconciling=True ProgressingWithRetry", "FetchFailed=True OCIArtifactPullFailed"},
		},
		"tag moved back": {
			history: []outcome{stored(1), sawButFailed(2)},
			found:   sawButFailed(1),
			want: []string{"Ready=False OCIArtifactPullFailed", "ArtifactInStorage=True Succeeded",
				"Reconciling=True ProgressingWithRetry", "FetchFailed=True OCIArtifactPullFailed"},
			artifact: 1,
		},
		"disk full after a fetch failed": {
			history: []outcome{stored(1), pullFailed},
			found:   failed(v1.ConditionStorageOperationFailed, v1.ReasonArchiveOperationFailed, false),
			want: []string{"Ready=False ArchiveOperationFailed", "ArtifactInStorage=True Succeeded",
				"Reconciling=True ProgressingWithRetry", "StorageOperationFailed=True ArchiveOperationFailed"},
			artifact: 1,
		},
		"registry silent and disk lost": {
			history:  []outcome{stored(1)},
			found:    onLostDisk(pullFailed),
			want:     []string{"Ready=False OCIArtifactPullFailed", "Reconciling=True ProgressingWithRetry", "FetchFailed=True OCIArtifactPullFailed"},
			artifact: 1,
		},
		"disk lost and filled again": {
			history:  []outcome{stored(1), onLostDisk(pullFailed)},
			found:    stored(1),
			want:     []string{"Ready=True Succeeded", "ArtifactInStorage=True Succeeded"},
			artifact: 1, answered: true,
		},
		"user mistake": {
			history:  []outcome{stored(1), pullFailed},
			found:    failed(v1.ConditionFetchFailed, v1.ReasonURLInvalid, true),
			want:     []string{"Ready=False URLInvalid", "ArtifactInStorage=True Succeeded", "FetchFailed=True URLInvalid", "Stalled=True URLInvalid"},
			artifact: 1, answered: true,
		},
		"mistake corrected, registry silent": {
			history:  []outcome{stored(1), failed(v1.ConditionFetchFailed, v1.ReasonURLInvalid, true)},
			found:    pullFailed,
			want:     []string{"Ready=False OCIArtifactPullFailed", "ArtifactInStorage=True Succeeded", "FetchFailed=True OCIArtifactPullFailed", "Reconciling=True ProgressingWithRetry"},
			artifact: 1,
		},
		"first artifact waits": {
			found:    waitsFirst(1),
			want:     []string{"UpdatePending=True WindowClosed", "Ready=Unknown WindowClosed", "Reconciling=True WindowClosed"},
			answered: true,
		},
		"first artifact waits after failures": {
			history:  []outcome{sawButFailed(1), failed(v1.ConditionFetchFailed, v1.ReasonURLInvalid, true)},
			found:    waitsFirst(1),
			want:     []string{"Ready=Unknown WindowClosed", "UpdatePending=True WindowClosed", "Reconciling=True WindowClosed"},
			answered: true,
		},
		"first artifact has waited": {
			history:  []outcome{waitsFirst(1)},
			found:    stored(1),
			want:     []string{"Ready=True Succeeded", "ArtifactInStorage=True Succeeded"},
			artifact: 1, answered: true,
		},
		"changed spec waits": {
			history:  []outcome{stored(1)},
			found:    waits(2),
			want:     []string{"Ready=True Succeeded", "ArtifactInStorage=True Succeeded", "UpdatePending=True WindowClosed"},
			artifact: 1, answered: true,
		},
		"not verified": {
			history:  []outcome{stored(1)},
			found:    verificationFailed,
			verify:   true,
			want:     []string{"Ready=False VerificationError", "Stalled=True VerificationError", "SourceVerified=False VerificationError"},
			answered: true,
		},
		"verified": {
			found:  stored(1),
			verify: true,
			want: []string{"Ready=True Succeeded", "ArtifactInStorage=True Succeeded",
				"SourceVerified=True Succeeded"},
			artifact: 1, answered: true,
		},
		"the next one is not signed": {
			history: []outcome{stored(1)},
			found:   unsigned(func(*source.Error) {}),
			verify:  true,
			want: []string{"Ready=False VerificationError", "ArtifactInStorage=True Succeeded", "Reconciling=True ProgressingWithRetry",
				"SourceVerified=False VerificationError"},
			artifact: 1,
		},
		"evidence out of reach": {
			history: []outcome{stored(1)},
			found:   unsigned(func(f *source.Error) { f.Unknown = true }),
			verify:  true,
			want: []string{"Ready=False VerificationError", "ArtifactInStorage=True Succeeded", "Reconciling=True ProgressingWithRetry",
				"SourceVerified=Unknown VerificationError"},
			artifact: 1,
		},
		"registry and evidence out of reach": {
			history: []outcome{stored(1)},
			found: outcome{failure: &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonPullFailed, Unknown: true,
				Err: errors.New("it broke")}},
			verify: true,
			want: []string{"Ready=False OCIArtifactPullFailed", "ArtifactInStorage=True Succeeded", "Reconciling=True ProgressingWithRetry",
				"FetchFailed=True OCIArtifactPullFailed", "SourceVerified=Unknown VerificationError"},
			artifact: 1,
		},
		"verified, and the registry is out of reach": {
			history: []outcome{stored(1)},
			found:   pullFailed,
			verify:  true,
			want: []string{"Ready=False OCIArtifactPullFailed", "ArtifactInStorage=True Succeeded", "Reconciling=True ProgressingWithRetry",
				"FetchFailed=True OCIArtifactPullFailed", "SourceVerified=True Succeeded"},
			artifact: 1,
		},
		"the next one was not signed, and cannot be seen any more": {
			history: []outcome{stored(1), unsigned(func(*source.Error) {})},
			found:   pullFailed,
			verify:  true,
			want: []string{"Ready=False OCIArtifactPullFailed", "ArtifactInStorage=True Succeeded", "Reconciling=True ProgressingWithRetry",
				"SourceVerified=True Succeeded", "FetchFailed=True OCIArtifactPullFailed"},
			artifact: 1,
		},
		"nothing to verify any more": {
			history: []outcome{stored(1), verificationFailed},
			found:   pullFailed,
			verify:  true,
			want:    []string{"Ready=False OCIArtifactPullFailed", "Reconciling=True ProgressingWithRetry", "FetchFailed=True OCIArtifactPullFailed"},
		},
		"verification given up": {
			history:  []outcome{stored(1), verificationFailed},
			found:    stored(1),
			want:     []string{"Ready=True Succeeded", "ArtifactInStorage=True Succeeded"},
			artifact: 1, answered: true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := after(test.history...)
			object.Generation = 2
			test.found.result.Required = test.verify
			status := answer(object, test.found, address, noon.Add(24*time.Hour))
			if diff := cmp.Diff(test.want, summary(status)); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
			var want string
			if test.artifact > 0 {
				want = revision(test.artifact)
			}
			if got := attempt.Advertised(status).Revision; got != want {
				t.Errorf("artifact is %q, want %q", got, want)
			}
			if answered := status.ObservedGeneration == 2; answered != test.answered {
				t.Errorf("observed generation is %d", status.ObservedGeneration)
			}
			object.Status = status
			if again := answer(object, test.found, address, noon.Add(25*time.Hour)); changed(status, again) {
				t.Errorf("the same outcome again changes the status:\n%s", cmp.Diff(status, again))
			}
		})
	}
}

func TestStatusNamesTheArtifact(t *testing.T) {
	t.Parallel()
	ignore := "*.md"
	object := newObject(1)
	object.Spec.Ignore = &ignore
	object.Spec.LayerSelector = &v1.OCILayerSelector{Operation: v1.LayerCopy}
	object.Annotations = map[string]string{v1.AnnotationReconcileRequest: "now"}
	got := answer(object, stored(7), address, noon)
	sum, size := digest.FromString("bytes7"), int64(7)
	want := v1.OCIRepositoryStatus{
		ObservedGeneration: 1,
		Conditions:         got.Conditions,
		URL:                "http://agent.oci-system.svc/ocirepository/apps/podinfo/latest.tar.gz",
		Artifact: &v1.Artifact{
			Path:           "ocirepository/apps/podinfo/" + sum.String() + ".tar.gz",
			URL:            "http://agent.oci-system.svc/ocirepository/apps/podinfo/" + sum.String() + ".tar.gz",
			Revision:       revision(7),
			Digest:         sum.String(),
			LastUpdateTime: metav1.NewTime(noon),
			Size:           &size,
			Metadata:       map[string]string{"org.opencontainers.image.revision": "7"},
		},
		ObservedIgnore:         &ignore,
		ObservedLayerSelector:  &v1.OCILayerSelector{Operation: v1.LayerCopy},
		LastHandledReconcileAt: "now",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	message := "stored artifact for digest '" + revision(7) + "'"
	for _, c := range got.Conditions {
		if c.Message != message || c.ObservedGeneration != 1 || !c.LastTransitionTime.Time.Equal(noon) {
			t.Errorf("condition is %+v, want message %q", c, message)
		}
	}
}

// Who waits for a new artifact looks at the time of the last update.
func TestLastUpdateTimeIsThatOfTheArtifact(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		found   outcome
		address string
		want    time.Time
	}{
		"unchanged":               {unchanged(1), address, noon},
		"fetched once more":       {stored(1), address, noon},
		"served from elsewhere":   {unchanged(1), "localhost:9090", noon},
		"another artifact":        {stored(2), address, noon.Add(time.Hour)},
		"failure leaves it alone": {failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false), address, noon},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status := answer(after(stored(1)), test.found, test.address, noon.Add(time.Hour))
			if got := status.Artifact.LastUpdateTime.Time; !got.Equal(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if status.Artifact.Metadata == nil {
				t.Error("the annotations are lost")
			}
		})
	}
}
