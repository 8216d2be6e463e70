package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/pflag"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// tagFilter chooses among tags as the fields semver and semverFilter of an OCIRepository do.
type tagFilter struct {
	semver string
	regex  string

	versions *semver.Constraints // nil: any
	pattern  *regexp.Regexp
}

func (f *tagFilter) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.semver, "semver", "", "only versions in this range, as in '>=1.0.0 <2.0.0' or 1.2.x; prereleases where the range names one")
	flags.StringVar(&f.regex, "regex", "", "only tags that match this regular expression, anywhere unless it says ^ and $")
}

func (f *tagFilter) compile() (err error) {
	if f.semver != "" {
		if f.versions, err = semver.NewConstraint(f.semver); err != nil {
			return usageError{fmt.Errorf("--semver %q is no range of versions, such as >=1.0.0 <2.0.0 or 1.2.x", f.semver)}
		}
	}
	if f.pattern, err = regexp.Compile(f.regex); err != nil {
		return usageError{fmt.Errorf("--regex: %w", err)}
	}
	return nil
}

// apply gives the tags to list, in the order that is known without asking for more, and how many of them are versions.
func (f *tagFilter) apply(tags []string) (rows []row, versions int) {
	rows = []row{}
	for _, tag := range tags {
		version, err := parseVersion(tag)
		switch {
		case registry.IsAttachmentTag(tag), !f.pattern.MatchString(tag):
			continue
		case f.versions != nil && (err != nil || !f.versions.Check(version)):
			continue
		case err == nil:
			versions++
		}
		rows = append(rows, row{Tag: tag, version: version})
	}
	sortRows(rows)
	return rows, versions
}

// parseVersion reads a tag as the agent does: three parts, with or without a leading v, and "_" for the "+" that no tag can hold. The
// version is nil with an error.
func parseVersion(tag string) (*semver.Version, error) {
	return semver.StrictNewVersion(strings.ReplaceAll(strings.TrimPrefix(tag, "v"), "_", "+"))
}
