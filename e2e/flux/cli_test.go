package flux_test

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// `flux reconcile source oci` ends when the agent has looked, and says what came of it. Its steps are done here: it is not run, as the
// Go module lacks files that the command embeds.
func TestFluxReconcile(t *testing.T) {
	t.Parallel()
	r := newRoom(t, whole)
	r.startAgent()
	digest := r.push("main", "a.yaml", r.settings("a", "1"))
	r.source("app", v1.OCIRepositoryRef{Tag: "main"})
	r.source("wrong", v1.OCIRepositoryRef{SemVer: "no range"})
	r.untilAdvertised("app", "main@"+digest)
	digest = r.push("main", "a.yaml", r.settings("a", "2"))
	if message, err := r.fluxReconcile("app"); err != nil || message != "fetched revision main@"+digest {
		t.Errorf("%q, %v", message, err)
	}
	if message, err := r.fluxReconcile("wrong"); err == nil {
		t.Errorf("a range that is none: %q", message)
	}
}

// fluxReconcile annotates, waits until the status tells of another request than before and kstatus of an end, and reads the artifact.
func (r *room) fluxReconcile(name string) (message string, err error) {
	before := until(r.record, name, "there", func(*v1.OCIRepository) bool { return true }).Status.LastHandledReconcileAt
	r.ask(&v1.OCIRepository{}, name)
	var result *status.Result
	o := until(r.record, name, "reconciled", func(o *v1.OCIRepository) bool {
		result = compute(r.t, o)
		return o.Status.LastHandledReconcileAt != before && result.Status != status.InProgressStatus
	})
	if result.Status != status.CurrentStatus {
		return "", fmt.Errorf("%s: %s", result.Status, result.Message)
	}
	if !meta.IsStatusConditionTrue(o.Status.Conditions, v1.ConditionReady) {
		return "", fmt.Errorf("not Ready")
	}
	return "fetched revision " + o.Status.Artifact.Revision, nil
}

func compute(t *testing.T, o *v1.OCIRepository) *status.Result {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: fields})
	if err != nil {
		t.Fatal(err)
	}
	return result
}
