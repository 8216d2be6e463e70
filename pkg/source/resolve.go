package source

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/pattern"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// DefaultTag is what a spec without ref follows.
const DefaultTag = "latest"

// Repository reads spec.url. The prefix oci:// is optional; a tag or a digest belongs into spec.ref.
func Repository(url string) (registry.Reference, error) {
	ref, err := registry.Parse(url)
	if err != nil {
		return registry.Reference{}, err
	}
	if ref.Tag != "" || ref.Digest != "" {
		return registry.Reference{}, fmt.Errorf("parse url %q: it holds a tag or a digest: write %s%s, and the rest into spec.ref",
			url, registry.Scheme, ref.Name())
	}
	return ref, nil
}

// resolved is what a reference names now: the one way out of tags.
type resolved struct {
	revision   string // as the status tells it
	descriptor ocispec.Descriptor
	pinned     bool // by a digest: the registry was not asked
}

// resolve asks the registry which descriptor the spec's reference names. A digest needs no request.
func resolve(ctx context.Context, repo *registry.Repository, spec v1.OCIRepositorySpec, trace *Trace) (resolved, error) {
	ref := v1.OCIRepositoryRef{}
	if spec.Reference != nil {
		ref = *spec.Reference
	}
	if ref.Digest != "" {
		trace.by("digest")
		return resolveDigest(ref.Digest)
	}
	tag := ref.Tag
	switch {
	case ref.SemVer != "":
		trace.by("semver")
		var err error
		if tag, err = highest(ctx, repo, ref, helmChart(spec.LayerSelector), trace); err != nil {
			return resolved{}, err
		}
	case tag == "":
		trace.by("default")
		tag = DefaultTag
	default:
		trace.by("tag")
		if err := registry.ValidateTag(tag); err != nil {
			return resolved{}, invalidRef(fmt.Errorf("parse spec.ref.tag: %w", err))
		}
	}
	desc, err := repo.Resolve(ctx, tag)
	if registry.IsNotFound(err) && ref.SemVer == "" && ref.Tag == "" {
		err = fmt.Errorf("spec.ref is empty, which means the tag %s: %w", DefaultTag, err)
	}
	if err != nil {
		return resolved{}, failedRequest(v1.ReasonPullFailed, err)
	}
	return resolved{revision: tag + "@" + desc.Digest.String(), descriptor: desc}, nil
}

func resolveDigest(s string) (resolved, error) {
	d, err := digest.Parse(s)
	if err != nil || d.Algorithm() != digest.SHA256 {
		return resolved{}, invalidRef(fmt.Errorf("parse spec.ref.digest %q: it is not sha256: and 64 hex digits", s))
	}
	return resolved{revision: s, descriptor: ocispec.Descriptor{Digest: d}, pinned: true}, nil
}

// maxExpression bounds spec.ref.semver and semverFilter, in bytes: each is tried on every tag.
const maxExpression = 1 << 10

// highest asks for all tags and gives the one with the highest version in ref's range.
func highest(ctx context.Context, repo *registry.Repository, ref v1.OCIRepositoryRef, helm bool, trace *Trace) (string, error) {
	choice, err := newChoice(ref, helm)
	if err != nil {
		return "", invalidRef(err)
	}
	tags, err := repo.Tags(ctx)
	if err != nil {
		return "", failedRequest(v1.ReasonReadOperationFailed, err)
	}
	tag, ok := choice.highest(tags)
	trace.tags(tags, choice, tag)
	if !ok {
		return "", failedRequest(v1.ReasonReadOperationFailed, fmt.Errorf("choose tag: none of %d is a version in the range %q%s%s",
			len(tags), ref.SemVer, filterNote(ref.SemverFilter), choice.prereleaseNote(tags)))
	}
	return tag, nil
}

func filterNote(filter string) string {
	if filter == "" {
		return ""
	}
	return fmt.Sprintf(" that matches %q", filter)
}

// prereleaseNote says how many prereleases there are of versions in the range: nobody gets one without asking for them.
func (c choice) prereleaseNote(tags []string) string {
	n, example := 0, ""
	for _, tag := range tags {
		if _, why := c.fit(tag); why == whyPrerelease {
			n++
			example = max(example, tag)
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; prereleases of such versions: %d, as %q is one: add -0 to have them too, as in >=1.0.0-0", n, example)
}

// idle says which fields of a spec have no effect beside the others. The order of digest, semver and tag is no news to anybody.
func idle(spec v1.OCIRepositorySpec) string {
	var notes []string
	if v := spec.Verify; v != nil && v.SecretRef != nil {
		const why = " has no effect, for the keys of spec.verify.secretRef alone count"
		if len(v.MatchOIDCIdentity) > 0 {
			notes = append(notes, "spec.verify.matchOIDCIdentity"+why)
		}
		if v.TrustedRootSecretRef != nil {
			notes = append(notes, "spec.verify.trustedRootSecretRef"+why)
		}
	}
	if ref := spec.Reference; ref != nil && ref.SemverFilter != "" && (ref.SemVer == "" || ref.Digest != "") {
		notes = append(notes, "spec.ref.semverFilter has no effect, for it goes with spec.ref.semver alone")
	}
	return strings.Join(notes, "; ")
}

// choice is what a tag is chosen by.
type choice struct {
	constraint *semver.Constraints
	filter     *regexp.Regexp
	helm       bool
}

func newChoice(ref v1.OCIRepositoryRef, helm bool) (choice, error) {
	if len(ref.SemVer) > maxExpression || len(ref.SemverFilter) > maxExpression {
		return choice{}, fmt.Errorf("parse spec.ref: semver or semverFilter has more than %d bytes", maxExpression)
	}
	constraint, err := semver.NewConstraint(ref.SemVer)
	if err != nil {
		return choice{}, fmt.Errorf("parse spec.ref.semver %q: it is no range of versions, such as >=1.0.0 <2.0.0 or 1.2.x", ref.SemVer)
	}
	filter, err := pattern.Compile(ref.SemverFilter)
	if err != nil {
		return choice{}, fmt.Errorf("parse spec.ref.semverFilter %q: %w", ref.SemverFilter, err)
	}
	return choice{constraint, filter, helm}, nil
}

// fit reads a tag as a version, or nil, and says why it is not to be chosen; empty: it may be.
func (c choice) fit(tag string) (version *semver.Version, why string) {
	version, err := parseVersion(tag, c.helm)
	switch {
	case err != nil:
		return nil, whyNoVersion
	case !c.filter.MatchString(tag):
		return version, whyFiltered
	case c.constraint.Check(version):
		return version, ""
	case version.Prerelease() != "" && c.constraint.Check(semver.New(version.Major(), version.Minor(), version.Patch(), "", "")):
		return version, whyPrerelease
	}
	return version, whyOutside
}

// highest compares versions; among tags of one version the last by name wins, so that the choice does not depend on the
// registry's order.
func (c choice) highest(tags []string) (string, bool) {
	var best *semver.Version
	var bestTag string
	for _, tag := range tags {
		version, why := c.fit(tag)
		if why != "" {
			continue
		}
		if best == nil || version.GreaterThan(best) || version.Equal(best) && tag > bestTag {
			best, bestTag = version, tag
		}
	}
	return bestTag, best != nil
}

// parseVersion reads a tag as a version of three parts, with or without a leading v. Helm writes "_" for the "+" that a tag
// cannot hold.
func parseVersion(tag string, helm bool) (*semver.Version, error) {
	if helm {
		tag = strings.ReplaceAll(tag, "_", "+")
	}
	return semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
}

func helmChart(selector *v1.OCILayerSelector) bool {
	return selector != nil && selector.MediaType == artifact.LayerHelm
}
