package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OCIRepository names an artifact in an OCI registry that the agent watches, verifies and exposes inside the cluster.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ocirepo,categories=all;fluxcd;fluxcd-sources
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
type OCIRepository struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec OCIRepositorySpec `json:"spec,omitempty"`
	// +kubebuilder:default={"observedGeneration":-1}
	Status OCIRepositoryStatus `json:"status,omitempty"`
}

// OCIRepositoryList is a list of OCIRepository objects.
//
// +kubebuilder:object:root=true
type OCIRepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []OCIRepository `json:"items"`
}

// Values of spec.provider.
const (
	ProviderGeneric = "generic"
	ProviderAWS     = "aws"
	ProviderAzure   = "azure"
	ProviderGCP     = "gcp"
)

// OCIRepositorySpec says which artifact to expose, how to reach its registry and whom to trust.
type OCIRepositorySpec struct {
	// Address of the repository, oci://host[:port]/path without a tag or a digest. The prefix oci:// may be left out.
	// +kubebuilder:validation:Pattern=`^(oci://.*|[^:/]+(:[0-9]+)?/.*)$`
	// +kubebuilder:validation:XValidation:rule=`self.matches('^(oci://.*|[^:/]+(:[0-9]+)?/.*)$')`,message="write it as oci://host[:port]/path, such as oci://ghcr.io/org/app; a tag or a digest goes into spec.ref"
	URL string `json:"url"`

	// Which artifact of the repository to expose. Unset, it is the one that the tag latest points to.
	// +optional
	Reference *OCIRepositoryRef `json:"ref,omitempty"`

	// Which layer of the artifact to expose and in which form. Unset, it is the first one, extracted.
	// +optional
	LayerSelector *OCILayerSelector `json:"layerSelector,omitempty"`

	// Whose identity to log in with where no pull secret applies: that of the cluster's workload at a cloud provider,
	// or none (generic).
	// +kubebuilder:validation:Enum=generic;aws;azure;gcp
	// +kubebuilder:default=generic
	// +optional
	Provider string `json:"provider,omitempty"`

	// Secret of type kubernetes.io/dockerconfigjson in the same namespace, with the registry's credentials.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`

	// Whose signature the artifact must bear. An artifact that does not is never exposed.
	// +optional
	Verify *Verification `json:"verify,omitempty"`

	// ServiceAccount in the same namespace, whose imagePullSecrets hold the registry's credentials, or whose identity
	// the cloud provider knows.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// Secret of type Opaque or kubernetes.io/tls in the same namespace, with what TLS needs: ca.crt for a registry whose
	// certificate no public authority has signed, tls.crt and tls.key to log in by certificate, or all three.
	// +optional
	CertSecretRef *LocalObjectReference `json:"certSecretRef,omitempty"`

	// Secret in the same namespace with the proxy to use: address, and username and password where it asks for them.
	// +optional
	ProxySecretRef *LocalObjectReference `json:"proxySecretRef,omitempty"`

	// Time between two looks at the registry, such as 5m or 1h30m. Some jitter is added, so that objects spread out.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule=`self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$')`,message="write numbers with the units ms, s, m or h, such as 5m or 1h30m; less than 1s counts as 1s"
	Interval Duration `json:"interval"`

	// How long the registry may take to answer a request, or let a download stand still.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m))+$`
	// +kubebuilder:validation:XValidation:rule=`self.matches('^([0-9]+([.][0-9]+)?(ms|s|m))+$')`,message="write numbers with the units ms, s or m, such as 60s; more than 10m counts as 10m"
	// +kubebuilder:default="60s"
	// +optional
	Timeout *Duration `json:"timeout,omitempty"`

	// Files to leave out of what is exposed, in the syntax of .gitignore. It replaces the default patterns; version
	// control's own files are left out in any case.
	// +optional
	Ignore *string `json:"ignore,omitempty"`

	// Talk plain HTTP to the registry and, where no certSecretRef is given, accept any certificate.
	// +optional
	Insecure bool `json:"insecure,omitempty"`

	// Leave the object alone: the registry is not asked, and what is exposed already stays exposed.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// OCIRepositoryRef chooses an artifact of a repository. Where several fields are set the first one in this order
// counts: digest, semver, tag.
type OCIRepositoryRef struct {
	// Digest of the manifest, sha256:<hex>.
	// +optional
	Digest string `json:"digest,omitempty"`

	// Range of versions, such as ">=1.0.0 <2.0.0". The highest tag within it is chosen.
	// +optional
	SemVer string `json:"semver,omitempty"`

	// Regular expression (RE2) that a tag must match to be considered for the range.
	// +optional
	SemverFilter string `json:"semverFilter,omitempty"`

	// Tag to follow.
	// +optional
	Tag string `json:"tag,omitempty"`
}

// Values of spec.layerSelector.operation.
const (
	LayerExtract = "extract"
	LayerCopy    = "copy"
)

// OCILayerSelector chooses a layer of the artifact.
type OCILayerSelector struct {
	// Media type that the layer must have. Where several layers have it, the first one is chosen.
	// +optional
	MediaType string `json:"mediaType,omitempty"`

	// What to do with the layer: extract (the default) reads it as an archive and applies the ignore rules, copy exposes
	// its bytes as they are.
	// +kubebuilder:validation:Enum=extract;copy
	// +optional
	Operation string `json:"operation,omitempty"`
}

// LocalObjectReference names an object in the namespace of the one that refers to it.
type LocalObjectReference struct {
	// Name of the object.
	Name string `json:"name"`
}
