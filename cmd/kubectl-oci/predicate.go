package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// maxPredicate is in bytes: what is larger, nobody would read back.
const maxPredicate = 4 << 20

func predicateHelp() string {
	return "a URI, or " + strings.Join(predicateNames(), ", ")
}

func predicateNames() []string { return slices.Sorted(maps.Keys(signature.Predicates())) }

// predicateNamed gives the type that a person means by a name or a URI.
func predicateNamed(flag, name string) (string, error) {
	switch uri, ok := signature.Predicates()[name]; {
	case ok:
		return uri, nil
	case name == "":
		return "", usageError{fmt.Errorf("%s is missing: %s", flag, predicateHelp())}
	case !strings.Contains(name, ":"):
		return "", usageError{fmt.Errorf("%s %q is neither a URI nor one of %s", flag, name, strings.Join(predicateNames(), ", "))}
	}
	return name, nil
}
