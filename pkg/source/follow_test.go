package source_test

import (
	"strings"
	"testing"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// Whoever pushes a tag learns whether an object can come to it.
func TestFollows(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ref  v1.OCIRepositoryRef
		tags string
		ok   bool
		what string
	}{
		"empty":                 {v1.OCIRepositoryRef{}, "v1 latest", true, `the tag "latest"`},
		"empty, another":        {v1.OCIRepositoryRef{}, "v1", false, `the tag "latest"`},
		"tag":                   {v1.OCIRepositoryRef{Tag: "v1"}, "v1", true, `the tag "v1"`},
		"another tag":           {v1.OCIRepositoryRef{Tag: "v10"}, "v1", false, `the tag "v10"`},
		"digest before tag":     {v1.OCIRepositoryRef{Digest: "sha256:00", Tag: "v1"}, "v1", false, "the digest sha256:00"},
		"range before tag":      {v1.OCIRepositoryRef{SemVer: ">=1.0.0", Tag: "main"}, "main", false, `the range ">=1.0.0"`},
		"range":                 {v1.OCIRepositoryRef{SemVer: ">=1.0.0"}, "main v1.1.0", true, `the range ">=1.0.0"`},
		"prerelease":            {v1.OCIRepositoryRef{SemVer: ">=1.0.0"}, "v1.1.0-rc.1", false, `the range ">=1.0.0"`},
		"two parts":             {v1.OCIRepositoryRef{SemVer: ">=1.0.0"}, "v1.1", false, `the range ">=1.0.0"`},
		"filtered":              {v1.OCIRepositoryRef{SemVer: "*", SemverFilter: "^v"}, "1.1.0", false, `the range "*" that matches "^v"`},
		"not filtered":          {v1.OCIRepositoryRef{SemVer: "*", SemverFilter: "^v"}, "v1.1.0", true, `the range "*" that matches "^v"`},
		"plus, as Helm has it":  {v1.OCIRepositoryRef{SemVer: "*"}, "1.1.0_a", true, `the range "*"`},
		"no range":              {v1.OCIRepositoryRef{SemVer: "newest"}, "v1", false, ""},
		"no regular expression": {v1.OCIRepositoryRef{SemVer: "*", SemverFilter: "("}, "v1", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := v1.OCIRepositorySpec{Reference: &test.ref, LayerSelector: &v1.OCILayerSelector{MediaType: artifact.LayerHelm}}
			ok, what, err := source.Follows(spec, strings.Fields(test.tags))
			if ok != test.ok || what != test.what || (err == nil) != (test.what != "") {
				t.Errorf("got %t, %q, %v", ok, what, err)
			}
		})
	}
}
