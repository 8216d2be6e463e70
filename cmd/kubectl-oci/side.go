package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// side is one of the two things to compare: an artifact, or what push would pack.
type side struct {
	place *place
	input *input // nil where place is not
}

// parseSide tells them apart by how they are written; only for a layout the disk is looked at.
func parseSide(text string, ignore []string) (side, error) {
	if _, isLayout, _ := layoutAt(text); isLayout || isReference(text) {
		p, err := parsePlace("diff", text)
		return side{place: &p}, err
	}
	if _, err := os.Stat(text); err != nil && text != "-" {
		_, parseErr := registry.Parse(text)
		return side{}, usageError{fmt.Errorf("%q is neither a file nor a folder (%w) nor a reference: %w", text, cause(err), parseErr)}
	}
	return side{input: &input{filename: text, ignore: ignore}}, nil
}

// ref is zero where no registry is asked.
func (s side) ref() registry.Reference {
	if s.place == nil {
		return registry.Reference{}
	}
	return s.place.ref
}

func (s side) fromStdin() bool { return s.input != nil && s.input.fromStdin() }

// packed is an archive, and what people call it. Whoever opened it closes it.
type packed struct {
	*archive.Spool
	name   string
	digest digest.Digest // of the archive, or of the layer that it was made from
}

func (s side) open(ctx context.Context, r *remote, stdin io.Reader, report *reporter) (*packed, error) {
	if s.input != nil {
		return s.pack(ctx, stdin, report)
	}
	p, err := s.fetch(ctx, r, report)
	return p, s.place.blame(r, err)
}

func (s side) pack(ctx context.Context, stdin io.Reader, report *reporter) (*packed, error) {
	tree, err := s.input.open(ctx, stdin, report)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	spool := archive.NewSpool(spoolMemory)
	summary, err := s.input.pack(ctx, spool, tree, report)
	if err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	return &packed{spool, s.input.filename, summary.Digest}, nil
}

func (s side) fetch(ctx context.Context, r *remote, report *reporter) (*packed, error) {
	f, err := s.place.open(ctx, r, report)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	got, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	layer, err := artifact.ChooseLayer(got.manifest, "")
	if err != nil {
		return nil, err
	}
	if n := len(got.manifest.Layers); n > 1 {
		report.line("%s has %d layers: the first is compared", f.name, n)
	}
	spool, err := download(ctx, f, layer, report)
	if err != nil {
		return nil, err
	}
	return &packed{spool, f.name, layer.Digest}, nil
}

// compare looks at files first: those that both sides have are not parsed, and hold no difference.
func compare(ctx context.Context, from, to *packed, report *reporter) (*resource.Diff, error) {
	if from.digest == to.digest {
		return resource.Compare(&resource.Set{}, &resource.Set{}), nil
	}
	a, err := from.fingerprints(ctx)
	if err != nil {
		return nil, err
	}
	b, err := to.fingerprints(ctx)
	if err != nil {
		return nil, err
	}
	same := func(name string) bool { return a[name] == b[name] }
	if maps.Equal(a, b) {
		return resource.Compare(&resource.Set{}, &resource.Set{}), nil
	}
	left, unread, err := from.objects(ctx, same)
	if err != nil {
		return nil, err
	}
	right, more, err := to.objects(ctx, same)
	if err != nil {
		return nil, err
	}
	for _, bad := range []struct {
		name   string
		unread map[string]error
	}{{from.name, unread}, {to.name, more}} {
		for _, file := range slices.Sorted(maps.Keys(bad.unread)) {
			report.always("%s: %v, so this file is compared as a whole", bad.name, bad.unread[file])
			asWhole(left, file)
			asWhole(right, file)
		}
	}
	return resource.Compare(left, right), nil
}

// asWhole has a file not compared by its objects: they would be missing where the other side's cannot be read.
func asWhole(set *resource.Set, file string) {
	before := len(set.Objects)
	set.Objects = slices.DeleteFunc(set.Objects, func(o resource.Object) bool { return o.File == file })
	if len(set.Objects) < before && !slices.Contains(set.Others, file) {
		set.Others = append(set.Others, file)
		slices.Sort(set.Others)
	}
}

// walk shows every file in the archive.
func (p *packed) walk(ctx context.Context, visit func(f archive.File, contents io.Reader) error) error {
	r, err := p.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if err := archive.Walk(ctx, r, archive.Limits{}, visit); err != nil {
		return fmt.Errorf("read %q: %w", p.name, err)
	}
	return nil
}

// fingerprints gives for each file what it can be told from others by.
func (p *packed) fingerprints(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	err := p.walk(ctx, func(f archive.File, contents io.Reader) error {
		sum := sha256.New()
		_, err := io.Copy(sum, contents)
		all[f.Name] = fmt.Sprintf("%x %v %s", sum.Sum(nil), f.Executable, f.Target)
		return err
	})
	return all, err
}

// objects reads what is left of the archive without the files that are the same on the other side. What cannot be read is named with the
// reason, and is one of the other files.
func (p *packed) objects(ctx context.Context, same func(name string) bool) (set *resource.Set, unread map[string]error, err error) {
	set, unread = &resource.Set{}, map[string]error{}
	err = p.walk(ctx, func(f archive.File, contents io.Reader) error {
		switch {
		case same(f.Name):
			return nil
		case f.Target != "" || !resource.IsResource(f.Name):
			set.Others = append(set.Others, f.Name)
			return nil
		}
		err := set.Read(f.Name, contents)
		if e, ok := errors.AsType[*resource.Error](err); ok {
			unread[f.Name] = e
			set.Others = append(set.Others, f.Name)
			return nil
		}
		return err
	})
	slices.Sort(set.Others)
	return set, unread, err
}
