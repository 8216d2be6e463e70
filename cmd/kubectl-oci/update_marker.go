package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/edit"
)

// tagMarker is a comment that says what its field follows: a rule of its own, or a policy of Flux's.
type tagMarker struct {
	keep   bool
	rule   *tagRule
	policy string // namespace:name
	part   string // of the policy's choice: tag, name or digest; empty: the image with all of them
}

var (
	fluxMarker = regexp.MustCompile(`^\{\s*"\$imagepolicy"\s*:\s*"([^":]+:[^":]+)(?::(tag|name|digest))?"\s*\}`)
	anyFlux    = regexp.MustCompile(`^\{\s*"\$imagepolicy"`)
)

// ourMarker begins the comments that stand in for a policy, as in
//
//	tag: v1.0.0 # kubectl-oci: semver >=1.0.0 <2.0.0
const ourMarker = "kubectl-oci:"

// parseMarker reads the comment of a field; nil where it is none of these.
func parseMarker(comment string) (*tagMarker, error) {
	if m := fluxMarker.FindStringSubmatch(comment); m != nil {
		return &tagMarker{policy: m[1], part: m[2]}, nil
	}
	if anyFlux.MatchString(comment) {
		return nil, fmt.Errorf(`the marker %s is not {"$imagepolicy": "NAMESPACE:NAME:tag"}`, shown(comment))
	}
	text, ok := strings.CutPrefix(comment, ourMarker)
	if !ok {
		return nil, nil
	}
	order, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	rest = strings.TrimSpace(rest)
	switch order {
	case "keep":
		return &tagMarker{keep: true}, nil
	case orderSemver:
		rule, err := newTagRule(order, rest, "")
		return &tagMarker{rule: rule}, err
	case orderNumerical, orderAlphabetical:
		rule, err := newTagRule(order, "", rest)
		return &tagMarker{rule: rule}, err
	}
	return nil, fmt.Errorf("the marker %s says none of: semver RANGE, numerical REGEX, alphabetical REGEX, keep", shown(comment))
}

// refMarkers are those of an OCIRepository, by the field that they stand at.
type refMarkers struct {
	flux map[string]*tagMarker // by the field
	ours *tagMarker            // nil: none; there is one at most
	on   string                // the field that it stands at
}

var errTwoMarkers = errors.New("it has two markers: which one counts?")

func readMarkers(o *writtenObject) (*refMarkers, error) {
	found := &refMarkers{flux: map[string]*tagMarker{}}
	lines := map[int]bool{}
	for _, path := range [][]string{{"url"}, {"ref"}, {"ref", "tag"}, {"ref", "semver"}, {"ref", "digest"}} {
		v := o.Field(append([]string{"spec"}, path...)...)
		if !v.Exists() || lines[v.Line()] {
			continue
		}
		lines[v.Line()] = true // one comment is read once, whatever stands in its line
		m, err := parseMarker(v.Comment())
		if err == nil && m != nil && found.ours != nil {
			err = errTwoMarkers
		}
		name := path[len(path)-1]
		switch {
		case err != nil:
			return nil, o.at(v, err)
		case m == nil:
		case m.policy != "":
			found.flux[name] = m
		case len(found.flux) > 0:
			return nil, o.at(v, errTwoMarkers)
		default:
			found.ours, found.on = m, name
		}
	}
	return found, nil
}

// refFields are the parts of an OCIRepository that an update may change.
type refFields struct{ url, ref, tag, semver, digest edit.Value }

func readRefFields(o *writtenObject) refFields {
	ref := o.Field("spec", "ref")
	return refFields{o.Field("spec", "url"), ref, ref.Field("tag"), ref.Field("semver"), ref.Field("digest")}
}
