package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OCIRepositoryStatus says what the agent found and what it exposes.
type OCIRepositoryStatus struct {
	// Generation of the object that the rest of the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// State of the object; Ready sums it up.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Address inside the cluster that always serves the object's newest artifact.
	// +optional
	URL string `json:"url,omitempty"`

	// What is exposed. A failure does not change it: the last good artifact stays.
	// +optional
	Artifact *Artifact `json:"artifact,omitempty"`

	// The spec.ignore that the exposed artifact was made with.
	// +optional
	ObservedIgnore *string `json:"observedIgnore,omitempty"`

	// The spec.layerSelector that the exposed artifact was made with.
	// +optional
	ObservedLayerSelector *OCILayerSelector `json:"observedLayerSelector,omitempty"`

	// Value of the annotation reconcile.fluxcd.io/requestedAt when the agent last answered it.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
}

// Artifact is one file that the agent serves. Whoever applies it downloads it from its URL and checks its digest.
type Artifact struct {
	// Path of the file below the root of the agent's file server.
	Path string `json:"path"`

	// Address of the file inside the cluster. It never serves other bytes than those of the digest.
	URL string `json:"url"`

	// Where the file came from: <tag>@sha256:<hex> of the manifest, or sha256:<hex> where spec.ref.digest asks for it.
	Revision string `json:"revision"`

	// Digest of the file, sha256:<hex>.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$`
	Digest string `json:"digest"`

	// When the artifact was last replaced by another one.
	LastUpdateTime metav1.Time `json:"lastUpdateTime"`

	// Size of the file in bytes.
	// +optional
	Size *int64 `json:"size,omitempty"`

	// The manifest's annotations, and kubectl-oci.dev/source, which names the manifest itself.
	// +optional
	Metadata map[string]string `json:"metadata,omitempty"`
}
