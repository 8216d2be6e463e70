package controller

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
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

// What is advertised and gone from the disk is not claimed to be in the store.
func TestReportNoticesALostDisk(t *testing.T) {
	t.Parallel()
	files, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	r := &Reconciler{Store: files}
	if r.lost(newObject(1)) {
		t.Error("an object without an artifact has lost it")
	}
	object := after(stored(1))
	if !r.lost(object) {
		t.Error("an empty store has not lost the artifact")
	}
	entry, err := files.Put(key, func(w io.Writer) error { _, err := io.WriteString(w, "bytes1"); return err })
	if err != nil {
		t.Fatal(err)
	}
	if object.Status.Artifact.Digest = entry.Digest.String(); r.lost(object) {
		t.Error("what is in the store is lost")
	}
	failure := failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)
	failure.failure.Err = errors.New(strings.Repeat("x", 2*maxMessage))
	message := ready(answer(object, onLostDisk(failure), address, noon)).Message
	if !strings.HasSuffix(message, lostNote) || len(message) > maxMessage {
		t.Errorf("%d bytes: …%s", len(message), message[len(message)-100:])
	}
}
