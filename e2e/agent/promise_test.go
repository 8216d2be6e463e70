package agent_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// inspect says in which ways an object is not what the API promises of it at any moment, whatever happens to it.
func inspect(o *v1.OCIRepository) []string {
	var problems problems
	problems.conditions(o)
	problems.readiness(o)
	problems.artifact(o)
	problems.kstatus(o)
	if len(o.Finalizers) > 0 && !slices.Equal(o.Finalizers, []string{v1.FinalizerFlux}) {
		problems.add("a finalizer: %q", o.Finalizers)
	}
	return problems
}

type problems []string

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

func (p *problems) addUnless(ok bool, format string, args ...any) {
	if !ok {
		p.add(format, args...)
	}
}

// conditions that tell of trouble or of work exist only while they are True.
func (p *problems) conditions(o *v1.OCIRepository) {
	states := []string{v1.ConditionReady, v1.ConditionArtifactInStorage, v1.ConditionSourceVerified}
	troubles := []string{v1.ConditionReconciling, v1.ConditionStalled, v1.ConditionArtifactOutdated,
		v1.ConditionFetchFailed, v1.ConditionStorageOperationFailed, v1.ConditionUpdatePending}
	seen := map[string]bool{}
	for _, c := range o.Status.Conditions {
		p.addUnless(!seen[c.Type], "%s is there twice", c.Type)
		seen[c.Type] = true
		switch {
		case slices.Contains(troubles, c.Type):
			p.addUnless(c.Status == metav1.ConditionTrue, "%s is %s", c.Type, c.Status)
		default:
			p.addUnless(slices.Contains(states, c.Type), "%s is not in the contract", c.Type)
		}
		p.addUnless(c.Message != "" && len(c.Message) <= 4<<10, "the message of %s has %d bytes", c.Type, len(c.Message))
		p.addUnless(c.ObservedGeneration <= o.Generation, "%s is ahead of the generation", c.Type)
	}
	p.addUnless(!seen[v1.ConditionReconciling] || !seen[v1.ConditionStalled], "Reconciling and Stalled exclude each other")
}

// readiness is the sum of all other conditions, and of one generation.
func (p *problems) readiness(o *v1.OCIRepository) {
	ready := condition(o, v1.ConditionReady)
	if ready == nil {
		p.addUnless(len(o.Status.Conditions) == 0, "conditions without Ready")
		return
	}
	stalled, working := condition(o, v1.ConditionStalled), condition(o, v1.ConditionReconciling)
	if ready.Status == metav1.ConditionTrue {
		others := slices.DeleteFunc(slices.Clone(o.Status.Conditions), func(c metav1.Condition) bool {
			return c.Type == v1.ConditionUpdatePending || c.Type == v1.ConditionSourceVerified && c.Status == metav1.ConditionTrue
		})
		p.addUnless(len(others) == 2, "Ready beside other conditions than ArtifactInStorage, UpdatePending and SourceVerified")
		p.addUnless(ready.ObservedGeneration == o.Status.ObservedGeneration, "Ready for generation %d, observed %d",
			ready.ObservedGeneration, o.Status.ObservedGeneration)
		if o.Status.Artifact != nil {
			says := "stored artifact for digest '" + o.Status.Artifact.Revision + "'"
			p.addUnless(ready.Message == says || strings.HasPrefix(ready.Message, says+"; "), "Ready says %q", ready.Message)
		}
		return
	}
	if ready.Status == metav1.ConditionUnknown { // nothing is there before a window opens, and that is the answer
		p.addUnless(ready.Reason == v1.ReasonWindowClosed && o.Status.Artifact == nil, "Ready is Unknown, %s", ready.Reason)
		p.addUnless(working != nil && condition(o, v1.ConditionUpdatePending) != nil && len(o.Status.Conditions) == 3,
			"Ready is Unknown beside other conditions than Reconciling and UpdatePending")
		return
	}
	p.addUnless(ready.Status == metav1.ConditionFalse, "Ready is %s", ready.Status)
	p.addUnless(stalled != nil || working != nil, "not Ready, and neither Stalled nor Reconciling")
	if stalled != nil {
		p.addUnless(stalled.ObservedGeneration == o.Status.ObservedGeneration, "Stalled for generation %d, observed %d",
			stalled.ObservedGeneration, o.Status.ObservedGeneration)
	}
}

var (
	revisionPattern = regexp.MustCompile(`^([a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}@)?sha256:[a-f0-9]{64}$`)
	digestPattern   = regexp.MustCompile(`^sha256:[a-f0-9]{64}$`)
)

func (p *problems) artifact(o *v1.OCIRepository) {
	a := o.Status.Artifact
	inStorage := condition(o, v1.ConditionArtifactInStorage)
	ready := condition(o, v1.ConditionReady)
	stored := inStorage != nil && inStorage.Status == metav1.ConditionTrue
	lost := ready != nil && strings.HasSuffix(ready.Message, "the store has lost it")
	p.addUnless(stored == (a != nil && !lost), "ArtifactInStorage does not agree with the artifact")
	if a == nil {
		p.addUnless(ready == nil || ready.Status != metav1.ConditionTrue, "Ready without an artifact")
		p.addUnless(o.Status.URL == "", "status.url without an artifact")
		return
	}
	p.addUnless(digestPattern.MatchString(a.Digest), "digest %q", a.Digest)
	p.addUnless(revisionPattern.MatchString(a.Revision), "revision %q", a.Revision)
	folder := "ocirepository/" + o.Namespace + "/" + o.Name + "/"
	p.addUnless(a.Path == folder+a.Digest+".tar.gz", "path %q", a.Path)
	base, isBelow := strings.CutSuffix(a.URL, a.Path)
	p.addUnless(isBelow && strings.HasPrefix(base, "http://"), "artifact url %q", a.URL)
	p.addUnless(o.Status.URL == base+folder+"latest.tar.gz", "url %q", o.Status.URL)
	p.addUnless(a.Size != nil && !a.LastUpdateTime.IsZero(), "no size or time")
	manifest := a.Revision[strings.LastIndex(a.Revision, "@")+1:]
	p.addUnless(strings.HasSuffix(a.Metadata[v1.MetadataSource], "@"+manifest), "source %q", a.Metadata[v1.MetadataSource])
	if !isReady(o) {
		return
	}
	verified := condition(o, v1.ConditionSourceVerified)
	required := o.Spec.Verify != nil || o.Labels[shardLabel] == shardRequire
	p.addUnless((verified != nil) == required, "SourceVerified does not agree with spec.verify")
	p.addUnless(verified == nil || verified.Status == metav1.ConditionTrue && verified.Message == "verified signature of revision "+a.Revision,
		"an artifact that nobody verified")
	if condition(o, v1.ConditionUpdatePending) == nil {
		if diff := cmp.Diff(o.Spec.Ignore, o.Status.ObservedIgnore); diff != "" {
			p.add("observedIgnore (-spec +status):\n%s", diff)
		}
		if diff := cmp.Diff(o.Spec.LayerSelector, o.Status.ObservedLayerSelector); diff != "" {
			p.add("observedLayerSelector (-spec +status):\n%s", diff)
		}
	}
}

// kstatus is what tools make of the object that know nothing of its kind.
func (p *problems) kstatus(o *v1.OCIRepository) {
	if !o.DeletionTimestamp.IsZero() {
		return
	}
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		p.add("convert: %v", err)
		return
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: raw})
	if err != nil {
		p.add("kstatus: %v", err)
		return
	}
	want := status.InProgressStatus
	switch {
	case isReady(o):
		want = status.CurrentStatus
	case condition(o, v1.ConditionStalled) != nil && o.Status.ObservedGeneration == o.Generation:
		want = status.FailedStatus
	}
	p.addUnless(result.Status == want, "kstatus takes it for %s, want %s", result.Status, want)
}
