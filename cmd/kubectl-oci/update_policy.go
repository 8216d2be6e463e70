package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

const groupImage = "image.toolkit.fluxcd.io"

// imagePolicies are Flux's ImagePolicies and ImageRepositories in files.
type imagePolicies struct{ policies, repositories []*writtenObject }

func findPolicies(objects []writtenObject) *imagePolicies {
	found := &imagePolicies{}
	for i := range objects {
		o := &objects[i]
		switch {
		case o.Name == "":
		case o.is(groupImage, "ImagePolicy"):
			found.policies = append(found.policies, o)
		case o.is(groupImage, "ImageRepository"):
			found.repositories = append(found.repositories, o)
		}
	}
	return found
}

// errNoPolicy is no failure: the policy may be somewhere else.
var errNoPolicy = errors.New("is in none of the files")

// rule reads the policy that a marker names as NAMESPACE:NAME, and the repository whose tags it chooses among; nil where only the marked
// object tells.
func (p *imagePolicies) rule(marker string) (*tagRule, *registry.Reference, error) {
	namespace, name, _ := strings.Cut(marker, ":")
	policy := pick(p.policies, namespace, name)
	if policy == nil {
		return nil, nil, fmt.Errorf("ImagePolicy %s/%s %w", namespace, name, errNoPolicy)
	}
	rule, err := policyRule(policy)
	if err != nil {
		return nil, nil, policy.at(policy.Field("spec"), fmt.Errorf("ImagePolicy %q: %w", name, err))
	}
	rule.text = fmt.Sprintf("ImagePolicy %s/%s: %s", namespace, name, rule.text)
	from := policy.Field("spec", "imageRepositoryRef")
	if of := from.Field("namespace").String(); of != "" {
		namespace = of
	}
	repository := pick(p.repositories, namespace, from.Field("name").String())
	if repository == nil {
		return rule, nil, nil
	}
	image := repository.Field("spec", "image")
	ref, err := registry.Parse(image.String())
	if err != nil {
		return nil, nil, repository.at(image, err)
	}
	return rule, &ref, nil
}

// pick gives the one object that may be meant; nil where there is none, or more than one.
func pick(objects []*writtenObject, namespace, name string) (found *writtenObject) {
	for _, o := range objects {
		switch {
		case !o.agrees(namespace, name):
		case o.Namespace == namespace:
			return o
		case found != nil:
			return nil
		default:
			found = o
		}
	}
	return found
}

// policyRule reads spec.policy and spec.filterTags as Flux does: the highest counts, unless the order says desc; alphabetically, what is
// last in the order asc.
func policyRule(o *writtenObject) (*tagRule, error) {
	policy, filter := o.Field("spec", "policy"), o.Field("spec", "filterTags")
	order, versions := "", ""
	for _, name := range []string{orderSemver, orderNumerical, orderAlphabetical} {
		if policy.Field(name).Exists() {
			order = name
			break
		}
	}
	if order == "" {
		return nil, errors.New("spec.policy is none of semver, numerical, alphabetical")
	}
	if order == orderSemver {
		versions = policy.Field(order, "range").String()
	}
	rule, err := newTagRule(order, versions, "")
	if err != nil {
		return nil, err
	}
	switch direction := policy.Field(order, "order").String(); direction {
	case "", "asc":
	case "desc":
		rule.lowest = true
		rule.text += " desc"
	default:
		return nil, fmt.Errorf("spec.policy.%s.order %q is neither asc nor desc", order, direction)
	}
	if pattern := filter.Field("pattern").String(); pattern != "" {
		if rule.pattern, err = regexp.Compile(pattern); err != nil {
			return nil, fmt.Errorf("spec.filterTags.pattern: %w", err)
		}
		rule.extract = filter.Field("extract").String()
		rule.text += " " + pattern
	}
	return rule, nil
}
