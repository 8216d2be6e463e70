package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// survey asks a registry what tags name: for each artifact once, however many tags it has.
type survey struct {
	repo     *registry.Repository
	signed   bool                   // look for signatures, too
	attached map[digest.Digest]bool // what has a signature under a tag
}

// How many questions are under way at a time.
const surveyors = 8

// attached reads from the tags which digests have a signature in cosign's older form.
func attached(tags []string) map[digest.Digest]bool {
	signed := map[digest.Digest]bool{}
	for _, tag := range tags {
		if name, ok := strings.CutSuffix(tag, ".sig"); ok && registry.IsAttachmentTag(name) {
			signed[digest.Digest(strings.Replace(name, "-", ":", 1))] = true
		}
	}
	return signed
}

// complete fills in the rows. A tag that is gone meanwhile is left out; one that names what cannot be read says so.
func (s *survey) complete(ctx context.Context, rows []row, report *reporter) ([]row, error) {
	bar := report.steps("listing", len(rows))
	defer bar.Finish()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(surveyors)
	gone := make([]bool, len(rows))
	var known sync.Map // digest to *artifactFacts
	for i := range rows {
		group.Go(func() error {
			defer bar.Add(1)
			d, err := s.repo.Resolve(ctx, rows[i].Tag)
			if registry.IsNotFound(err) {
				gone[i] = true
				return nil
			}
			if err != nil {
				return err
			}
			entry, _ := known.LoadOrStore(d.Digest, &artifactFacts{})
			facts := entry.(*artifactFacts)
			if err := facts.once(func() error { return facts.ask(ctx, s, d) }); err != nil {
				return err
			}
			facts.fill(&rows[i], d.Digest)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	kept := rows[:0]
	for i, r := range rows {
		if !gone[i] {
			kept = append(kept, r)
		}
	}
	return kept, nil
}

// artifactFacts are what is asked once for each digest.
type artifactFacts struct {
	mu    sync.Mutex
	asked bool
	err   error

	manifest *ocispec.Manifest
	signed   bool
	problem  string
}

func (f *artifactFacts) once(ask func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.asked {
		f.asked, f.err = true, ask()
	}
	return f.err
}

func (f *artifactFacts) ask(ctx context.Context, s *survey, d ocispec.Descriptor) error {
	m, err := s.repo.ImageManifest(ctx, d)
	if _, ok := errors.AsType[*registry.UnusableError](err); ok || registry.IsNotFound(err) { // of an index whose member is gone, too
		f.problem = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	f.manifest, f.signed = m, s.attached[d.Digest]
	if !s.signed || f.signed {
		return nil
	}
	f.signed, err = isSigned(ctx, s.repo, d.Digest)
	return err
}

func (f *artifactFacts) fill(r *row, d digest.Digest) {
	r.Digest, r.Problem, r.Signed = d, f.problem, f.signed
	if f.manifest == nil {
		return
	}
	r.Created = f.manifest.Annotations[artifact.AnnotationCreated]
	r.Source = f.manifest.Annotations[artifact.AnnotationSource]
	r.Revision = f.manifest.Annotations[artifact.AnnotationRevision]
	r.Size = f.manifest.Config.Size
	for _, layer := range f.manifest.Layers {
		r.Size += layer.Size
	}
}

// Types and annotations of what refers to an artifact as its signature.
const (
	typeNotation        = "application/vnd.cncf.notary.signature"
	typeSigstore        = "application/vnd.dev.sigstore.bundle.v"
	annotationPredicate = "dev.sigstore.bundle.predicateType"
	predicateSignature  = "https://sigstore.dev/cosign/sign/v1"
)

// At most this many referrers are fetched whose type the list does not say.
const fetchedReferrers = 4

// isSigned tells whether something refers to the digest that calls itself a signature.
func isSigned(ctx context.Context, repo *registry.Repository, d digest.Digest) (bool, error) {
	list, _, err := repo.Referrers(ctx, d, referrersShown)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(list, func(d ocispec.Descriptor) bool { return signs(d.ArtifactType, d.Annotations) }) {
		return true, nil
	}
	unknown := slices.DeleteFunc(list, func(d ocispec.Descriptor) bool {
		return d.ArtifactType != "" && d.ArtifactType != ocispec.MediaTypeEmptyJSON
	})
	for _, d := range unknown[:min(len(unknown), fetchedReferrers)] {
		m, err := repo.ImageManifest(ctx, d)
		if _, ok := errors.AsType[*registry.UnusableError](err); ok || registry.IsNotFound(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		if signs(m.ArtifactType, m.Annotations) || len(m.Layers) > 0 && signs(m.Layers[0].MediaType, m.Annotations) {
			return true, nil
		}
	}
	return false, nil
}

// signs tells a signature's type. Sigstore's bundles hold attestations, too.
func signs(mediaType string, annotations map[string]string) bool {
	predicate, ok := annotations[annotationPredicate]
	return mediaType == typeNotation || strings.HasPrefix(mediaType, typeSigstore) && (!ok || predicate == predicateSignature)
}
