package source

import (
	"fmt"
	"slices"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// Follows tells whether spec.ref can lead to one of the tags, and in words what it leads to. Whether a range of versions does lead there is up
// to the registry's other tags. A digest leads to no tag; a range that cannot be read is an error.
func Follows(spec v1.OCIRepositorySpec, tags []string) (ok bool, what string, err error) {
	ref := v1.OCIRepositoryRef{}
	if spec.Reference != nil {
		ref = *spec.Reference
	}
	switch {
	case ref.Digest != "":
		return false, "the digest " + ref.Digest, nil
	case ref.SemVer != "":
		choice, err := newChoice(ref, helmChart(spec.LayerSelector))
		if err != nil {
			return false, "", err
		}
		ok = slices.ContainsFunc(tags, func(tag string) bool {
			_, why := choice.fit(tag)
			return why == ""
		})
		return ok, fmt.Sprintf("the range %q%s", ref.SemVer, filterNote(ref.SemverFilter)), nil
	case ref.Tag == "":
		ref.Tag = DefaultTag
	}
	return slices.Contains(tags, ref.Tag), fmt.Sprintf("the tag %q", ref.Tag), nil
}
