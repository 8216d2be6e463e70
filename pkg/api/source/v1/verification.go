package v1

// Values of spec.verify.provider.
const (
	VerifyCosign   = "cosign"
	VerifyNotation = "notation"
)

// Verification says whose signature an artifact must bear.
type Verification struct {
	// Kind of the signature.
	// +kubebuilder:validation:Enum=cosign;notation
	// +kubebuilder:default=cosign
	Provider string `json:"provider"`

	// Secret in the same namespace with what is trusted. For cosign every key *.pub holds a public key, any of which may
	// have signed; for notation trustpolicy.json and certificates *.crt or *.pem.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`

	// Identities trusted to sign without a key, any of which may have signed.
	// +optional
	MatchOIDCIdentity []OIDCIdentityMatch `json:"matchOIDCIdentity,omitempty"`

	// Secret in the same namespace whose key trusted_root.json describes a Sigstore other than the public one.
	// +optional
	TrustedRootSecretRef *LocalObjectReference `json:"trustedRootSecretRef,omitempty"`
}

// OIDCIdentityMatch describes an identity by what its certificate says. Both expressions (RE2) must match.
type OIDCIdentityMatch struct {
	// Who vouches for the identity, as a regular expression over the issuer's URL.
	Issuer string `json:"issuer"`

	// Who signed, as a regular expression over the certificate's subject.
	Subject string `json:"subject"`
}
