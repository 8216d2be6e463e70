package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// What is advertised counts, not what a spec that nobody has answered asks for.
func TestAsAdvertised(t *testing.T) {
	t.Parallel()
	const digest = "sha256:450796ddb2ab6724ee1cc32a4be56da032d1cca0450796ddb2ab6724ee1cc32a"
	for _, revision := range []string{"main@" + digest, digest} {
		object := newObject(2)
		object.Spec.Reference = &v1.OCIRepositoryRef{Tag: "other"}
		object.Spec.Ignore = new("*.txt")
		object.Status.Artifact = &v1.Artifact{Revision: revision}
		object.Status.ObservedLayerSelector = &v1.OCILayerSelector{Operation: v1.LayerCopy}
		want := object.DeepCopy().Spec
		want.Reference = &v1.OCIRepositoryRef{Digest: digest}
		want.Ignore, want.LayerSelector = nil, &v1.OCILayerSelector{Operation: v1.LayerCopy}
		if diff := cmp.Diff(want, asAdvertised(object).Spec); diff != "" {
			t.Errorf("%s (-want +got):\n%s", revision, diff)
		}
		if object.Spec.Reference.Tag != "other" {
			t.Error("the object itself is changed")
		}
	}
}
