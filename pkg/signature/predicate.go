package signature

// Predicates are types of attestations that cosign has names for, by name.
func Predicates() map[string]string {
	return map[string]string{
		"cyclonedx":        "https://cyclonedx.org/bom",
		"link":             "https://in-toto.io/Link/v1",
		"openvex":          "https://openvex.dev/ns",
		"slsaprovenance02": "https://slsa.dev/provenance/v0.2",
		"slsaprovenance1":  "https://slsa.dev/provenance/v1",
		"spdxjson":         "https://spdx.dev/Document",
		"vuln":             "https://cosign.sigstore.dev/attestation/vuln/v1",
	}
}
