package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Orders of tags, as Flux names them.
const (
	orderSemver       = "semver"
	orderNumerical    = "numerical"
	orderAlphabetical = "alphabetical"
)

// tagRule says which of a repository's tags is the newest.
type tagRule struct {
	text     string // as it is shown
	order    string
	versions *semver.Constraints // of orderSemver
	pattern  *regexp.Regexp      // nil: any tag
	extract  string              // what of the pattern's match is compared, as in $ts; empty: the tag
	lowest   bool                // counts as the newest, in place of the highest
}

// newTagRule reads what flags and markers say. Where the pattern has a group, its first one is compared.
func newTagRule(order, versions, pattern string) (*tagRule, error) {
	r := &tagRule{order: order}
	var err error
	if r.versions, err = parseRange(order, versions); err != nil {
		return nil, err
	}
	if pattern != "" {
		if r.pattern, err = regexp.Compile(pattern); err != nil {
			return nil, err
		}
		if r.pattern.NumSubexp() > 0 {
			r.extract = "${1}"
		}
	}
	r.text = strings.TrimSpace(strings.Join([]string{order, versions, pattern}, " "))
	r.text = strings.Join(strings.Fields(r.text), " ")
	return r, nil
}

func parseRange(order, versions string) (*semver.Constraints, error) {
	if order != orderSemver {
		return nil, nil
	}
	c, err := semver.NewConstraint(versions)
	if err != nil {
		return nil, fmt.Errorf("%q is no range of versions, such as >=1.0.0 <2.0.0 or 1.2.x", versions)
	}
	return c, nil
}

// candidate is a tag and what of it is compared.
type candidate struct {
	tag     string
	key     string
	version *semver.Version
	number  float64
}

// newest chooses a tag. Of those that are equal it is current, where that is among them, else the last by name.
func (r *tagRule) newest(tags []string, current string) (string, error) {
	var best *candidate
	matching := 0
	for _, tag := range tags {
		c, ok, err := r.candidate(tag)
		if err != nil {
			return "", err
		}
		if !ok {
			continue
		}
		matching++
		if best == nil || r.compare(c, best, current) > 0 {
			best = c
		}
	}
	if best == nil {
		return "", fmt.Errorf("none of %s fits %s", count(len(tags), "tag"), shown(r.text))
	}
	return best.tag, nil
}

func (r *tagRule) candidate(tag string) (c *candidate, ok bool, err error) {
	if registry.IsAttachmentTag(tag) {
		return nil, false, nil
	}
	c = &candidate{tag: tag, key: tag}
	if r.pattern != nil {
		match := r.pattern.FindStringSubmatchIndex(tag)
		if match == nil {
			return nil, false, nil
		}
		if r.extract != "" {
			c.key = string(r.pattern.ExpandString(nil, r.extract, tag, match))
		}
	}
	switch r.order {
	case orderSemver:
		c.version, err = parseVersion(c.key)
		return c, err == nil && r.versions.Check(c.version), nil
	case orderNumerical:
		if c.number, err = strconv.ParseFloat(c.key, 64); err != nil {
			return nil, false, fmt.Errorf("%q of tag %q is no number", c.key, tag)
		}
	}
	return c, true, nil
}

func (r *tagRule) compare(a, b *candidate, current string) int {
	var order int
	switch r.order {
	case orderSemver:
		order = a.version.Compare(b.version)
	case orderNumerical:
		order = cmp.Compare(a.number, b.number)
	default:
		order = strings.Compare(a.key, b.key)
	}
	if r.lowest {
		order = -order
	}
	switch {
	case order != 0:
		return order
	case a.tag == current:
		return 1
	case b.tag == current:
		return -1
	}
	return strings.Compare(a.tag, b.tag)
}

// ruleFlags are what --semver, --regex and --order say.
func ruleFlags(versions, pattern, order string) (*tagRule, error) {
	switch {
	case versions == "" && pattern == "" && order == "":
		return nil, nil
	case versions != "" && order != "":
		return nil, usageError{errors.New("--semver and --order: choose one")}
	case versions != "":
		order = orderSemver
	case order == "":
		return nil, usageError{errors.New("--regex says which tags count, not which is the newest: add --semver or --order")}
	case order != orderNumerical && order != orderAlphabetical:
		return nil, usageError{fmt.Errorf("--order %q is neither %s nor %s", order, orderNumerical, orderAlphabetical)}
	}
	r, err := newTagRule(order, versions, pattern)
	if err != nil {
		return nil, usageError{err}
	}
	return r, nil
}
