package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxPredicate is in bytes: what is larger, nobody would read back.
const maxPredicate = 4 << 20

// predicates are types that have a name with cosign, too.
func predicates() map[string]string {
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

func predicateHelp() string {
	return "a URI, or " + strings.Join(slices.Sorted(maps.Keys(predicates())), ", ")
}

// predicateNamed gives the type that a person means by a name or a URI.
func predicateNamed(flag, name string) (string, error) {
	switch uri, ok := predicates()[name]; {
	case ok:
		return uri, nil
	case name == "":
		return "", usageError{fmt.Errorf("%s is missing: %s", flag, predicateHelp())}
	case !strings.Contains(name, ":"):
		return "", usageError{fmt.Errorf("%s %q is neither of %s", flag, name, predicateHelp())}
	}
	return name, nil
}
