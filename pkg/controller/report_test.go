package controller

import (
	"testing"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// A status is written for these reasons, each of which is enough alone.
func TestChangedForEveryReason(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*v1.OCIRepository) v1.OCIRepositoryStatus{
		"new artifact": func(o *v1.OCIRepository) v1.OCIRepositoryStatus { return answer(o, stored(2), address, noon) },
		"other annotations": func(o *v1.OCIRepository) v1.OCIRepositoryStatus {
			found := stored(1)
			found.result.Metadata["a"] = "b"
			return answer(o, found, address, noon)
		},
		"other address": func(o *v1.OCIRepository) v1.OCIRepositoryStatus { return answer(o, unchanged(1), "other", noon) },
		"new generation": func(o *v1.OCIRepository) v1.OCIRepositoryStatus {
			o.Generation++
			return answer(o, unchanged(1), address, noon)
		},
		"ignore rules": func(o *v1.OCIRepository) v1.OCIRepositoryStatus {
			o.Spec.Ignore = new("*.md")
			return answer(o, stored(1), address, noon)
		},
		"layer selector": func(o *v1.OCIRepository) v1.OCIRepositoryStatus {
			o.Spec.LayerSelector = &v1.OCILayerSelector{}
			return answer(o, stored(1), address, noon)
		},
		"request to reconcile": func(o *v1.OCIRepository) v1.OCIRepositoryStatus {
			o.Annotations = map[string]string{v1.AnnotationReconcileRequest: "now"}
			return answer(o, unchanged(1), address, noon)
		},
		"failure": func(o *v1.OCIRepository) v1.OCIRepositoryStatus {
			return answer(o, failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false), address, noon)
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := after(stored(1))
			if before := object.Status; !changed(before, change(object)) {
				t.Error("nothing would be written")
			}
		})
	}
}

func TestUnchangedHoweverMuchTimePasses(t *testing.T) {
	t.Parallel()
	object := after(stored(1))
	if after := answer(object, unchanged(1), address, noon.Add(10000*time.Hour)); changed(object.Status, after) {
		t.Error("a status would be written")
	}
}
