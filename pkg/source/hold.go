package source

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// keptBack says what a request keeps back of what its spec asks for, or nothing. There is no other way past Hold than the digest that
// the request names: a first artifact waits too, and so does another repository, or the same revision made by other rules.
func keptBack(found resolved, repository registry.Reference, req Request) string {
	changed := changes(repository, req)
	same := found.revision == req.Advertised.Revision && len(changed) == 0
	if !req.Hold || same || found.descriptor.Digest == req.Adopt {
		return ""
	}
	waiting := fmt.Sprintf("revision '%s'", found.revision)
	if len(changed) > 0 {
		waiting += " with the changed " + strings.Join(changed, ", ")
	}
	return waiting
}

// changes are the fields of the spec, beside ref, by which it asks for something else than what is advertised.
func changes(repository registry.Reference, req Request) (fields []string) {
	a := req.Advertised
	if a.Revision == "" {
		return nil
	}
	if a.Place != "" && !strings.HasPrefix(a.Place, repository.Name()+"@") {
		fields = append(fields, "spec.url")
	}
	if !equal(a.Ignore, req.Spec.Ignore) {
		fields = append(fields, "spec.ignore")
	}
	if !equal(a.LayerSelector, req.Spec.LayerSelector) {
		fields = append(fields, "spec.layerSelector")
	}
	return fields
}

// keep makes sure that the store holds what is advertised, made by the rules that it was made by. Nothing is fetched where nothing is
// advertised.
func (s *Source) keep(ctx context.Context, repo *registry.Repository, repository registry.Reference, req Request) (Result, error) {
	a := req.Advertised
	if a.Revision == "" {
		return Result{}, nil
	}
	if err := s.standing(ctx, repo, req); err != nil {
		return Result{}, err
	}
	if entry, err := s.Store.Stat(req.Key, a.Digest); err == nil && a.Place != "" {
		return Result{Unchanged: true, Entry: entry}, nil
	}
	place, err := keptPlace(repository, req)
	if err != nil {
		return Result{}, failedRequest(v1.ReasonPullFailed, err)
	}
	req.Spec.Ignore, req.Spec.LayerSelector = a.Ignore, a.LayerSelector
	return s.bring(ctx, repo, place, resolved{revision: a.Revision, descriptor: ocispec.Descriptor{Digest: place.Digest}}, req)
}

// keptPlace is where what is advertised can be had from. What another program advertised has no place; whatever has the same digest is
// the same.
func keptPlace(repository registry.Reference, req Request) (registry.Reference, error) {
	if req.Advertised.Place != "" {
		return advertisedPlace(req)
	}
	revision := req.Advertised.Revision
	d := revisionDigest(revision)
	if err := d.Validate(); err != nil {
		return registry.Reference{}, fmt.Errorf("find what is advertised as %q: %w", revision, err)
	}
	return repository.At(d), nil
}

// revisionDigest is the digest of the manifest that a revision names.
func revisionDigest(revision string) digest.Digest {
	return digest.Digest(revision[strings.LastIndexByte(revision, '@')+1:])
}
