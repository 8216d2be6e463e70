package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/kubectl-oci/kubectl-oci/pkg/edit"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// follower is an OCIRepository that is to follow something, and what came of it.
type follower struct {
	object     *writtenObject
	fields     refFields
	repository registry.Reference
	rule       *tagRule // nil: it keeps its tag
	moves      edit.Value
	name       bool // the url is to name the repository
	pin        bool // the digest is to be the tag's

	tag    string
	digest digest.Digest // empty where it is not pinned
}

// leaving is why an object is left alone. It is no failure.
type leaving struct{ reason string }

func (l leaving) Error() string { return l.reason }

var errRanged = leaving{"it follows a range of versions by itself, in spec.ref.semver"}

// planner decides what each OCIRepository follows, before any registry is asked.
type planner struct {
	objects  []writtenObject
	policies *imagePolicies
	flags    *tagRule // nil: none
	pin      bool
}

func (p *planner) plan(o *writtenObject) (*follower, error) {
	f := &follower{object: o, fields: readRefFields(o), pin: p.pin}
	markers, err := readMarkers(o)
	if err != nil {
		return nil, err
	}
	switch {
	case markers.ours != nil && markers.ours.keep:
		return nil, leaving{"its marker says keep"}
	case len(markers.flux) > 0:
		err = p.followFlux(f, markers)
	case markers.ours != nil:
		err = p.followRule(f, markers.ours.rule, markers.on == "semver")
	case p.flags != nil || p.pin:
		err = p.followRule(f, p.flags, false)
	case f.fields.semver.Exists():
		err = errRanged
	default:
		err = leaving{"no marker and no flag says what it follows"}
	}
	if err != nil {
		return nil, err
	}
	if f.fields.digest.Exists() && (f.rule != nil || f.pin) {
		f.pin = true // or the digest would hide what the tag says
	}
	return f, nil
}

// followRule moves the tag, or the only thing that there is.
func (p *planner) followRule(f *follower, rule *tagRule, onSemver bool) (err error) {
	f.rule = rule
	switch semver := f.fields.semver.Exists(); {
	case semver && !onSemver:
		return errRanged
	case semver:
		f.moves = f.fields.semver
	case f.fields.tag.Exists():
		f.moves = f.fields.tag
	case rule == nil && f.fields.digest.Exists():
		return leaving{"it is pinned, and no tag says to what"}
	case f.fields.digest.Exists():
	case f.fields.ref.Line() > 0:
		return leaving{"its ref is empty"}
	case !f.fields.url.Exists():
		return leaving{"it has neither url nor ref"}
	}
	f.repository, err = p.repository(f.object)
	return err
}

// followFlux reads markers of one policy.
func (p *planner) followFlux(f *follower, markers *refMarkers) error {
	policy := ""
	for field, m := range markers.flux {
		if policy != "" && m.policy != policy {
			return f.object.at(f.fields.ref, errors.New("its markers name two policies"))
		}
		policy = m.policy
		switch m.part {
		case "tag":
			if f.moves = f.fields.tag; field == "semver" {
				f.moves = f.fields.semver
			}
		case "name":
			f.name = true
		case "digest":
			f.pin = true
		default:
			return f.object.at(f.fields.ref, fmt.Errorf(
				`the marker {"$imagepolicy": "%s"} stands for a whole image, name and tag, which no field of an OCIRepository takes: add :tag`, m.policy))
		}
	}
	rule, of, err := p.policies.rule(policy)
	if errors.Is(err, errNoPolicy) {
		return leaving{err.Error()}
	}
	if err != nil {
		return err
	}
	f.rule = rule
	if of != nil && f.name {
		f.repository = *of
		return nil
	}
	if f.repository, err = p.repository(f.object); err != nil {
		return err
	}
	if of != nil && of.Name() != f.repository.Name() {
		return leaving{fmt.Sprintf("its url names %s, and its policy is about %s", f.repository.Name(), of.Name())}
	}
	return nil
}

// repository reads spec.url, of a patch that of what it patches.
func (p *planner) repository(o *writtenObject) (registry.Reference, error) {
	url := o.Field("spec", "url")
	if url.Exists() {
		return o.repositoryAt(url)
	}
	var found registry.Reference
	for i := range p.objects {
		other := &p.objects[i]
		url := other.Field("spec", "url")
		if !other.is(groupSource, "OCIRepository") || !other.agrees(o.Namespace, o.Name) || !url.Exists() {
			continue
		}
		ref, err := other.repositoryAt(url)
		if err != nil {
			return registry.Reference{}, err
		}
		if found != (registry.Reference{}) && found != ref {
			return registry.Reference{}, leaving{"it has no url, and others of its name have different ones"}
		}
		found = ref
	}
	if found == (registry.Reference{}) {
		return found, leaving{"it has no url, nor has another of its name in the files"}
	}
	return found, nil
}

func (o *writtenObject) repositoryAt(url edit.Value) (registry.Reference, error) {
	ref, err := registry.Parse(url.String())
	switch {
	case err != nil:
		return ref, o.at(url, err)
	case ref.Tag != "" || ref.Digest != "":
		return ref, o.at(url, errors.New("the url holds a tag or a digest, which belongs into spec.ref"))
	}
	return ref, nil
}

// How many repositories are asked at a time.
const followersAtOnce = 8

// resolveAll asks the registries what is the newest for each. The error is that of the first one in the files that has one.
func resolveAll(ctx context.Context, all []*follower, known *catalog) error {
	var group errgroup.Group
	group.SetLimit(followersAtOnce)
	bar := known.report.steps("asking", len(all))
	defer bar.Finish()
	errs := make([]error, len(all))
	for i, f := range all {
		group.Go(func() error {
			defer bar.Add(1)
			errs[i] = f.resolve(ctx, known)
			return nil
		})
	}
	_ = group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) resolve(ctx context.Context, known *catalog) error {
	entry := known.entry(ctx, f.repository)
	if f.tag = f.current(); f.rule != nil {
		tags, err := entry.tags()
		if err != nil {
			return err
		}
		if f.tag, err = f.rule.newest(tags, f.tag); err != nil {
			return f.object.at(f.fields.ref, fmt.Errorf("choose tag of %q: %w", f.repository.Name(), err))
		}
	}
	if !f.pin {
		return nil
	}
	var err error
	f.digest, err = entry.digest(ctx, f.tag)
	return err
}

// current is the tag that the object has, or means.
func (f *follower) current() string {
	if tag := f.fields.tag.String(); tag != "" {
		return tag
	}
	return "latest"
}
