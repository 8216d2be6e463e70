package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/kubectl-oci/kubectl-oci/pkg/layout"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/transfer"
)

// origin is where artifacts come from, as somebody typed it.
type origin struct{ place }

// parseOrigin reads what is to be copied: all of a repository only where many is set.
func parseOrigin(text string, many bool) (origin, error) {
	p, isLayout, err := layoutAt(text)
	if err != nil {
		return origin{}, err
	}
	if isLayout && !many || isLayout && p.tag == "" && p.at == "" {
		return origin{p}, nil
	}
	if !isLayout && !many {
		p, err := parsePlace("copy", text)
		return origin{p}, err
	}
	ref, err := registry.Parse(text)
	switch {
	case isLayout || err == nil && (ref.Tag != "" || ref.Digest != ""):
		err = fmt.Errorf("copy %q: it has a tag or a digest, and --tag-pattern chooses among all: leave one of them away", text)
	case err == nil:
		return origin{place{ref: ref}}, nil
	}
	return origin{}, usageError{err}
}

// road is an origin and a target that are open. Whoever opened it closes it.
type road struct {
	from    opened
	to      destination
	sides   [2]remote // from, to
	origin  origin
	target  copyTarget
	between *registry.Client
}

// opened is an origin that is open.
type opened struct {
	origin
	source transfer.Source
	repo   *registry.Repository // nil where it is a layout
	layout *layout.Layout       // nil where it is a repository
}

func openRoad(ctx context.Context, flags remote, from origin, to copyTarget, report *reporter) (*road, error) {
	r := &road{sides: [2]remote{flags, flags}, origin: from, target: to, between: newClient(report)}
	if err := r.openOrigin(ctx, report); err != nil {
		return nil, err
	}
	if err := r.openTarget(ctx, report); err != nil {
		return nil, errors.Join(err, r.from.Close())
	}
	return r, nil
}

func (r *road) openOrigin(ctx context.Context, report *reporter) (err error) {
	r.from.origin = r.origin
	if r.origin.path != "" {
		r.from.layout, err = layout.Open(r.origin.path)
		r.from.source = r.from.layout
		return err
	}
	r.from.repo, err = r.sides[0].openOn(ctx, r.between, r.origin.ref, registry.Access{}, report)
	r.from.source = r.from.repo
	return err
}

func (r *road) openTarget(ctx context.Context, report *reporter) (err error) {
	if r.target.path != "" {
		r.to, err = r.target.openLayout(ctx)
		return err
	}
	access := registry.Access{Push: true}
	if from := r.origin.ref; from.Registry == r.target.ref.Registry && from.Repository != r.target.ref.Repository {
		access.Mount = from.Repository
	}
	repo, err := r.sides[1].openOn(ctx, r.between, r.target.ref, access, report)
	r.to = repositoryTarget{repo}
	return err
}

func (r *road) Close() error { return errors.Join(r.from.Close(), r.to.Close()) }

func (o opened) Close() error {
	if o.layout == nil {
		return nil
	}
	return o.layout.Close()
}

// blame says which of the registries an error is about: its text names the repository. What could not be read could not be written, either,
// so that the origin is looked for first.
func (r *road) blame(err error) error {
	switch {
	case r.origin.path == "" && (r.target.path != "" || strings.Contains(err.Error(), r.origin.ref.Name())):
		return r.sides[0].blame(r.origin.ref, err)
	case r.target.path == "":
		return r.sides[1].blame(r.target.ref, err)
	}
	return err
}

// list finds the artifacts: those whose tags match, or the one that the origin names; of a layout that names none, all where that is
// possible.
func (o opened) list(ctx context.Context, matches *regexp.Regexp, all bool) ([]parcel, error) {
	switch {
	case o.repo != nil && matches != nil:
		return o.matching(ctx, matches)
	case o.repo != nil:
		return o.named(ctx)
	case matches != nil || all && o.tag == "" && o.at == "":
		return o.whole(matches)
	}
	d := ocispec.Descriptor{Digest: o.at}
	if d.Digest == "" {
		var err error
		if d, err = resolveIn(o.layout, o.tag); err != nil {
			return nil, err
		}
	}
	return []parcel{{o.path + "@" + d.Digest.String(), d, tagsOf(d)}}, nil
}

// named resolves a reference; with a digest in it, its tag is what the copy is to be called.
func (o opened) named(ctx context.Context) ([]parcel, error) {
	p := parcel{source: o.ref.String(), descriptor: ocispec.Descriptor{Digest: o.ref.Digest}}
	if o.ref.Tag != "" {
		p.tags = []string{o.ref.Tag}
	}
	var err error
	if o.ref.Digest == "" {
		p.descriptor, err = o.repo.Resolve(ctx, o.ref.Tag)
	}
	return []parcel{p}, err
}

// matching resolves all tags that match; one that is gone meanwhile is left out.
func (o opened) matching(ctx context.Context, matches *regexp.Regexp) ([]parcel, error) {
	tags, err := o.repo.Tags(ctx)
	if err != nil {
		return nil, err
	}
	var all []parcel
	for _, tag := range tags {
		if matches.MatchString(tag) && !registry.IsAttachmentTag(tag) {
			all = append(all, parcel{source: o.ref.Name() + ":" + tag, tags: []string{tag}})
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(surveyors)
	for i := range all {
		group.Go(func() error {
			d, err := o.repo.Resolve(ctx, all[i].tags[0])
			if registry.IsNotFound(err) {
				return nil
			}
			all[i].descriptor = d
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(p parcel) bool { return p.descriptor.Digest == "" })
	return all, o.checkAny(all, matches)
}

func (o opened) whole(matches *regexp.Regexp) ([]parcel, error) {
	list, err := o.layout.Artifacts()
	if err != nil {
		return nil, err
	}
	var all []parcel
	for _, d := range list {
		tag := layout.Tag(d)
		switch {
		case matches != nil && (tag == "" || !matches.MatchString(tag)):
		case tag == "":
			all = append(all, parcel{source: o.path + "@" + d.Digest.String(), descriptor: d})
		default:
			all = append(all, parcel{source: o.path + ":" + tag, descriptor: d, tags: []string{tag}})
		}
	}
	return all, o.checkAny(all, matches)
}

func (o opened) checkAny(all []parcel, matches *regexp.Regexp) error {
	switch {
	case len(all) > 0:
		return nil
	case matches == nil:
		return fmt.Errorf("layout %q holds nothing", o.path)
	case o.path != "":
		return fmt.Errorf("layout %q has no tag that matches %q", o.path, matches)
	}
	return fmt.Errorf("repository %q has no tag that matches %q", o.ref.Name(), matches)
}
