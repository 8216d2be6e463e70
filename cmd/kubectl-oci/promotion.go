package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// move is a tag that is to name something, and what it names now.
type move struct {
	tag        string
	old, new   digest.Digest   // old is empty for a tag that is not there
	oldVersion *semver.Version // nil: not known
	newVersion *semver.Version
}

func (m move) planned(to registry.Reference) string {
	switch m.old {
	case m.new:
		return fmt.Sprintf("unchanged: %s:%s names it", to.Name(), m.tag)
	case "":
		return fmt.Sprintf("would set %s:%s", to.Name(), m.tag)
	}
	return fmt.Sprintf("would move %s:%s from %s", to.Name(), m.tag, named(m.old, m.oldVersion))
}

func (m move) done(to registry.Reference) string {
	if m.old == "" {
		return fmt.Sprintf("tagged %s:%s", to.Name(), m.tag)
	}
	return fmt.Sprintf("tagged %s:%s, which named %s", to.Name(), m.tag, named(m.old, m.oldVersion))
}

func named(d digest.Digest, v *semver.Version) string {
	if v == nil {
		return d.String()
	}
	return fmt.Sprintf("%s (%s)", v, d)
}

// backwardsError says that a tag is not to be moved.
type backwardsError struct {
	reference registry.Reference // with the tag
	why       string
}

func (e *backwardsError) Error() string {
	return fmt.Sprintf("tag %q is not moved: %s", e.reference, e.why)
}

// check tells whether the tag may name what it is to name.
func (m move) check() error {
	if m.old == m.new {
		return nil
	}
	if _, err := parseVersion(m.tag); err == nil && m.old != "" {
		return fmt.Errorf("it is a version, and names %s already", m.old)
	}
	if prefix := versionPrefix(m.tag); prefix != "" {
		if m.newVersion == nil {
			return errors.New("it is for versions, and nobody knows which one this artifact is")
		}
		if !strings.HasPrefix(m.newVersion.String(), prefix) {
			return fmt.Errorf("this artifact is %s", m.newVersion)
		}
	}
	switch {
	case m.oldVersion == nil:
		return nil
	case m.newVersion == nil:
		return fmt.Errorf("it names %s, and nobody knows which version this artifact is", m.oldVersion)
	case m.newVersion.LessThan(m.oldVersion):
		return fmt.Errorf("it names %s, and this artifact is older, %s", m.oldVersion, m.newVersion)
	}
	return nil
}

// versionPrefix is how versions begin that a tag such as v1 or 1.2 is for; empty for any other tag.
func versionPrefix(tag string) string {
	if !regexp.MustCompile(`^v?(0|[1-9]\d*)(\.(0|[1-9]\d*))?$`).MatchString(tag) {
		return ""
	}
	return strings.TrimPrefix(tag, "v") + "."
}

// plan looks at all tags and fails where one must not be moved.
func (o *promoteOptions) plan(ctx context.Context, from, to *registry.Repository, d ocispec.Descriptor) ([]move, error) {
	moves := make([]move, len(o.tags))
	moved := false
	for i, tag := range o.tags {
		there, err := to.Resolve(ctx, tag)
		if err != nil && !registry.IsNotFound(err) {
			return nil, err
		}
		moves[i] = move{tag: tag, old: there.Digest, new: d.Digest}
		moved = moved || there.Digest != d.Digest
	}
	if !moved {
		return moves, nil
	}
	version, err := o.version(ctx, from, d)
	if err != nil {
		return nil, err
	}
	known := map[digest.Digest]*semver.Version{d.Digest: version}
	for i := range moves {
		m := &moves[i]
		if m.old != "" {
			v, ok := known[m.old]
			if !ok {
				if v, err = findVersion(ctx, to, ocispec.Descriptor{Digest: m.old}); err != nil {
					return nil, err
				}
				known[m.old] = v
			}
			m.oldVersion = v
		}
		m.newVersion = version
		if err := m.check(); err != nil {
			ref := o.to
			ref.Tag = m.tag
			return nil, &backwardsError{ref, err.Error()}
		}
	}
	return moves, nil
}

// version is that of what is promoted; nil where nobody knows.
func (o *promoteOptions) version(ctx context.Context, from *registry.Repository, d ocispec.Descriptor) (*semver.Version, error) {
	if v, err := parseVersion(o.from.Tag); err == nil {
		return v, nil
	}
	if best := highest(o.tags); best != "" {
		return parseVersion(best)
	}
	return findVersion(ctx, from, d)
}

// highest is the tag with the highest version, empty where none has one.
func highest(tags []string) string {
	if sorted := versionTags(tags); len(sorted) > 0 {
		return sorted[0]
	}
	return ""
}

// versionTags are those that are full versions, the highest first.
func versionTags(tags []string) []string {
	versions := map[string]*semver.Version{}
	var found []string
	for _, tag := range tags {
		if v, err := parseVersion(tag); err == nil {
			versions[tag] = v
			found = append(found, tag)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return versions[b].Compare(versions[a]) })
	return found
}

// At most this many tags are asked what they name.
const maxVersionTags = 200

// findVersion looks for what an artifact is called in its repository, and at its annotation.
func findVersion(ctx context.Context, repo *registry.Repository, d ocispec.Descriptor) (*semver.Version, error) {
	tags, err := repo.Tags(ctx)
	if err != nil {
		return nil, err
	}
	sorted := versionTags(tags)
	for batch := range slices.Chunk(sorted[:min(len(sorted), maxVersionTags)], surveyors) {
		tag, err := firstNaming(ctx, repo, batch, d.Digest)
		if err != nil {
			return nil, err
		}
		if tag != "" {
			return parseVersion(tag)
		}
	}
	m, err := repo.ImageManifest(ctx, d)
	if _, unusable := errors.AsType[*registry.UnusableError](err); unusable {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if v, err := parseVersion(m.Annotations[ocispec.AnnotationVersion]); err == nil {
		return v, nil
	}
	return nil, nil
}

// firstNaming asks all tags at once, and gives the first that names d.
func firstNaming(ctx context.Context, repo *registry.Repository, tags []string, d digest.Digest) (string, error) {
	group, ctx := errgroup.WithContext(ctx)
	names := make([]bool, len(tags))
	for i, tag := range tags {
		group.Go(func() (err error) {
			names[i], err = repo.Names(ctx, tag, d)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	if i := slices.Index(names, true); i >= 0 {
		return tags[i], nil
	}
	return "", nil
}
