// Package source turns the spec of an OCIRepository into an entry of the store: resolve, verify, compare, fetch, check, put.
// It never writes to Kubernetes and reads no Secret; whoever calls it brings the credentials. The reconciler and everything that
// has to agree with it run this one pipeline.
//
// After resolve, no step knows a tag: what was resolved is what is verified, fetched, checked and stored. What waits is verified when it is
// adopted; what is advertised, again and again.
//
// What it refuses: a URL that holds a tag or a digest; a manifest, an archive or annotations beyond the limits; a layer that is
// neither an archive nor one file of Kubernetes objects with a name, unless it is only copied; a layer that lies anywhere but in
// the registry; what does not satisfy all that a request requires; and it never hands out bytes that another object's credential fetched.
package source

import (
	"context"
	"errors"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// Source runs the pipeline. It is safe for concurrent use as long as no two runs have the same key.
type Source struct {
	Registry *registry.Client
	Store    *store.Store
	Limits   archive.Limits
	Replicas Replicas // nil: there are no others

	Verifier       *signature.Verifier // needed where requests have Requirements
	VerifyInterval time.Duration       // for which a signature that was found counts without another look; zero: a day
	Searched       func(error)         // told what came of each search, as [signature.Verifier.Satisfies] says; nil: nobody

	confirmed memory[store.Key, proof]               // what an object has been found to be allowed to read
	refusals  memory[store.Key, refusal]             // what is not worth another download
	foreign   memory[store.Key, IrreproducibleError] // what is advertised, and was made by another version
	verified  memory[verification, time.Time]        // when a signature was found
	patience  time.Duration                          // with one search; zero: maxVerify
	searches  searches
	unpacking turns
	restoring lanes
}

// Request is what one run needs.
type Request struct {
	Key        store.Key
	Spec       v1.OCIRepositorySpec
	Access     registry.Access // with the credentials that the spec refers to
	Advertised Advertised
	Hold       bool          // go on with what is advertised, or with nothing, whatever the spec asks for by now
	Adopt      digest.Digest // of a manifest that Hold does not keep back; the rest of the spec comes with it

	Requirements []signature.Requirement // all of which it must satisfy, whatever is stored; none: it need not be signed

	Barred *Error // why no registry may be asked, or which one cannot be said: nothing is done, and the run fails with it; nil: go on

	Trace *Trace // takes note of what the run decides; nil: nobody asks

	only digest.Digest // the one content that may be stored; empty: any
}

// Advertised is what the object's status says of its artifact. The zero value: it has none.
type Advertised struct {
	Revision      string
	Place         string        // <host>/<repository>@<manifest digest>, from the artifact's metadata
	Digest        digest.Digest // of the bytes served
	Size          int64         // of the bytes served; 0: not known
	Ignore        *string
	LayerSelector *v1.OCILayerSelector
}

// Result is what a run found.
type Result struct {
	Unchanged bool              // what is advertised is right and in the store; nothing was fetched
	Revision  string            // also when a later step failed: what the reference names now, or what the request holds on to
	Waiting   string            // what the request keeps back of what the spec asks for, for people; empty: nothing
	Entry     store.Entry       // the zero value: nothing is advertised, and Waiting says what would be
	Metadata  map[string]string // the manifest's annotations and where it lies; nil when unchanged
	Note      string            // what in the spec has no effect, for people; mostly empty
	Required  bool              // the request had requirements: what is advertised satisfies them, unless the error says something else
}

// Run resolves the spec's reference and, unless what is advertised is still right, fetches, checks and stores the artifact. The
// error is always an [*Error].
func (s *Source) Run(ctx context.Context, req Request) (Result, error) {
	result, err := s.run(ctx, req)
	result.Note, result.Required = idle(req.Spec), len(req.Requirements) > 0
	if e, ok := errors.AsType[*Error](err); ok && e.unusable {
		e.RetryAt = time.Now().Add(req.Spec.Interval.Duration)
	}
	return result, err
}

func (s *Source) run(ctx context.Context, req Request) (Result, error) {
	if req.Barred != nil {
		return Result{}, s.unasked(req, req.Barred)
	}
	ref, err := Repository(req.Spec.URL)
	if err != nil {
		return Result{}, s.unasked(req, invalidURL(err))
	}
	repo, err := s.Registry.Repository(ref, req.Access)
	if err != nil {
		return Result{}, s.unasked(req, invalidURL(err))
	}
	result, err := s.follow(ctx, repo, ref, req)
	if err != nil {
		err = s.reconsider(ctx, repo, req, err)
	}
	req.Trace.credential(repo)
	return result, err
}

// follow does what the spec's reference asks for now. ref is the repository.
func (s *Source) follow(ctx context.Context, repo *registry.Repository, ref registry.Reference, req Request) (Result, error) {
	found, err := resolve(ctx, repo, req.Spec, req.Trace)
	if err != nil {
		return Result{}, err
	}
	req.Trace.revision(found.revision)
	place := ref.At(found.descriptor.Digest)
	waiting := keptBack(found, ref, req)
	if waiting == "" {
		err := s.verify(ctx, repo, place.Digest, req)
		if err == nil && place.Digest != revisionDigest(req.Advertised.Revision) {
			err = s.discredit(ctx, repo, req)
		}
		if err != nil {
			return Result{Revision: found.revision}, err
		}
		result, err := s.bring(ctx, repo, place, found, req)
		result.Revision = found.revision
		return result, err
	}
	if err := s.confirm(ctx, repo, found, place, req); err != nil {
		return Result{Revision: found.revision}, err
	}
	result, err := s.keep(ctx, repo, ref, req)
	result.Revision, result.Waiting = req.Advertised.Revision, waiting
	return result, err
}

// bring makes sure that the store holds what was found. place is where it lies.
func (s *Source) bring(ctx context.Context, repo *registry.Repository, place registry.Reference, found resolved, req Request) (Result, error) {
	entry, there, leave, err := s.await(ctx, found.revision, place, req)
	if err != nil {
		return Result{}, failedRequest(v1.ReasonPullFailed, err)
	}
	defer leave()
	if there {
		err := s.confirm(ctx, repo, found, place, req)
		return Result{Unchanged: err == nil, Entry: entry}, err
	}
	proof := proofOf(place, req)
	if failure := s.refused(req.Key, proof); failure != nil {
		return Result{}, failure
	}
	result, err := s.adopt(ctx, repo, place, found.descriptor, req)
	s.remember(req.Key, proof, err)
	return result, err
}

// adopt fetches, checks and stores what was resolved. place is where it lies.
func (s *Source) adopt(ctx context.Context, repo *registry.Repository, place registry.Reference, d ocispec.Descriptor, req Request) (Result, error) {
	manifest, err := repo.ImageManifest(ctx, d)
	if err != nil {
		return Result{}, failedRequest(v1.ReasonPullFailed, err)
	}
	metadata, err := metadata(manifest, place)
	if err != nil {
		return Result{}, unusable(v1.ReasonPullFailed, err)
	}
	layer, err := chooseLayer(manifest, req.Spec.LayerSelector)
	req.Trace.layers(manifest, layer.Descriptor)
	if err != nil {
		return Result{}, unusable(v1.ReasonLayerOperationFailed, err)
	}
	entry, err := s.storeLayer(ctx, repo, layer, req)
	if err != nil {
		return Result{}, err
	}
	return Result{Entry: entry, Metadata: metadata}, nil
}

// unchanged tells whether what is advertised is the same revision, from the same place and made by the same rules.
func unchanged(revision string, place registry.Reference, req Request) bool {
	a := req.Advertised
	return a.Revision == revision && a.Place == place.String() &&
		equal(a.Ignore, req.Spec.Ignore) && equal(a.LayerSelector, req.Spec.LayerSelector)
}

func equal[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
