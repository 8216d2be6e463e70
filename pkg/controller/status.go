package controller

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// answer is the status that an object gets for the outcome of a run. Consumers reach the file server at address, host[:port].
func answer(object *v1.OCIRepository, found outcome, address string, now time.Time) v1.OCIRepositoryStatus {
	status := *object.Status.DeepCopy()
	if request, ok := object.Annotations[v1.AnnotationReconcileRequest]; ok {
		status.LastHandledReconcileAt = request
	}
	switch {
	case found.failure == nil && found.result.Revision != "":
		advertise(&status, object, found.result, address, now)
	case found.failure != nil && withdraws(found.failure):
		withdraw(&status)
	}
	if found.failure == nil || found.failure.Terminal {
		status.ObservedGeneration = object.Generation // a retry is no answer yet
	}
	judge(&status, object, found, metav1.NewTime(now))
	return status
}

// advertise puts what a successful run found into the status. The time of the last update stays where only the address or the
// annotations changed.
func advertise(status *v1.OCIRepositoryStatus, object *v1.OCIRepository, result source.Result, address string, now time.Time) {
	last := status.Artifact
	artifact := &v1.Artifact{
		Revision:       result.Revision,
		Digest:         result.Entry.Digest.String(),
		LastUpdateTime: metav1.NewTime(now),
		Size:           &result.Entry.Size,
		Metadata:       result.Metadata,
	}
	if !replaced(last, artifact) {
		artifact.LastUpdateTime = last.LastUpdateTime
	}
	if last != nil && result.Unchanged {
		artifact.Metadata = last.Metadata
	}
	base := "http://" + address + "/"
	artifact.Path = result.Entry.Path()
	artifact.URL = base + artifact.Path
	status.Artifact = artifact
	status.URL = base + attempt.KeyOf(object).LatestPath()
	if result.Waiting == "" { // or else it is made by the rules of before
		status.ObservedIgnore = object.Spec.DeepCopy().Ignore
		status.ObservedLayerSelector = object.Spec.LayerSelector.DeepCopy()
	}
}

// replaced tells whether consumers get another artifact than before.
func replaced(before, after *v1.Artifact) bool {
	return before == nil || before.Revision != after.Revision || before.Digest != after.Digest
}

// withdraws tells whether a failure means that what is advertised must not be trusted. Any other failure leaves it.
func withdraws(failure *source.Error) bool { return failure.Withdraws }

func withdraw(status *v1.OCIRepositoryStatus) {
	status.Artifact, status.URL = nil, ""
	status.ObservedIgnore, status.ObservedLayerSelector = nil, nil
}
