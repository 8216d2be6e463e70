package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// Replicas are the other processes that serve the same objects.
type Replicas interface {
	// Fetch opens what one of them holds for the object under the digest; the caller closes it, and checks the bytes. The error
	// wraps fs.ErrNotExist when all were asked and none holds it.
	Fetch(ctx context.Context, key store.Key, d digest.Digest) (io.ReadCloser, error)
}

// IrreproducibleError says that the artifact lies where the status says, and that this version makes other bytes of it than are
// advertised, as when another one packed them. They have to be advertised anew.
type IrreproducibleError struct{ Want, Got digest.Digest }

func (e *IrreproducibleError) Error() string {
	return fmt.Sprintf("the artifact cannot be reproduced: what is advertised is %s, what would be stored now is %s", e.Want, e.Got)
}

// Mirror sees to it that the store has what the object advertises, if another replica holds it; no registry is asked. That replica
// has an entry for the same object: its credential was accepted there. The error wraps fs.ErrNotExist when no replica has it.
func (s *Source) Mirror(ctx context.Context, key store.Key, a Advertised) (store.Entry, error) {
	entry, err := s.Store.Stat(key, a.Digest)
	if err == nil || s.Replicas == nil || a.Digest.Validate() != nil {
		return entry, err
	}
	leave, err := s.restoring.take(ctx, key)
	if err != nil {
		return store.Entry{}, err
	}
	defer leave()
	if entry, err := s.Store.Stat(key, a.Digest); err == nil {
		return entry, nil // somebody else was faster
	}
	body, err := s.Replicas.Fetch(ctx, key, a.Digest)
	if err != nil {
		return store.Entry{}, err
	}
	defer body.Close()
	return s.Store.Restore(key, a.Digest, func(w io.Writer) error { return s.receive(w, body, a) })
}

// receive bounds what a replica may send. What it sent is for the store to check.
func (s *Source) receive(w io.Writer, body io.Reader, a Advertised) error {
	limit := cmp.Or(a.Size, s.Limits.Expanded, archive.DefaultLimits().Expanded)
	n, err := io.Copy(w, io.LimitReader(body, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("a replica sends more than %d bytes", limit)
	}
	return err
}

// Restore sees to it that the store has what the object advertises: from the registry, where the status says that it lies, by the
// rules that the status says it was made by, and with the object's own access; what has to be signed is verified. Bytes of another digest are not stored; then the
// error is an [*IrreproducibleError]. Neither that nor what turned out to be of no use is tried again. Any other error is an [*Error].
func (s *Source) Restore(ctx context.Context, req Request) (store.Entry, error) {
	leave, err := s.restoring.take(ctx, req.Key)
	if err != nil {
		return store.Entry{}, failedRequest(v1.ReasonPullFailed, err)
	}
	defer leave()
	a := req.Advertised
	if entry, err := s.Store.Stat(req.Key, a.Digest); err == nil {
		return entry, nil
	}
	if last := s.foreign.of(req.Key); last.Want == a.Digest && last.Want != "" {
		return store.Entry{}, &last
	}
	entry, err := s.reproduce(ctx, req)
	if other, ok := errors.AsType[*store.OtherBytesError](err); ok {
		found := IrreproducibleError(*other)
		s.foreign.set(req.Key, found)
		return store.Entry{}, &found
	}
	return entry, err
}

func (s *Source) reproduce(ctx context.Context, req Request) (store.Entry, error) {
	place, err := advertisedPlace(req)
	if err != nil {
		return store.Entry{}, invalidURL(err)
	}
	repo, err := s.Registry.Repository(place, req.Access)
	if err != nil {
		return store.Entry{}, invalidURL(err)
	}
	req.only = req.Advertised.Digest
	req.Spec.Ignore, req.Spec.LayerSelector = req.Advertised.Ignore, req.Advertised.LayerSelector
	proof := proofOf(place, req)
	if failure := s.refused(req.Key, proof); failure != nil {
		return store.Entry{}, failure
	}
	if err := s.verify(ctx, repo, place.Digest, req); err != nil {
		return store.Entry{}, err
	}
	result, err := s.adopt(ctx, repo, place, ocispec.Descriptor{Digest: place.Digest}, req)
	s.remember(req.Key, proof, err)
	return result.Entry, err
}

// await gives what the store holds of an artifact that is unchanged. Where that is missing, and somebody is putting it back already, it
// waits for that one; then nobody else begins before the caller leaves.
func (s *Source) await(ctx context.Context, revision string, place registry.Reference, req Request) (entry store.Entry, there bool, leave func(), err error) {
	leave = func() {}
	if !unchanged(revision, place, req) {
		return entry, false, leave, nil
	}
	if entry, err = s.Store.Stat(req.Key, req.Advertised.Digest); err == nil {
		return entry, true, leave, nil
	}
	if leave, err = s.restoring.take(ctx, req.Key); err != nil {
		return entry, false, leave, err
	}
	entry, err = s.Store.Stat(req.Key, req.Advertised.Digest)
	return entry, err == nil, leave, nil
}

var errElsewhere = errors.New("it is not in the repository of spec.url")

// advertisedPlace is where the status says that the artifact lies. The object's credentials are for the repository of its spec, and
// for no other that a status may name.
func advertisedPlace(req Request) (registry.Reference, error) {
	of, err := Repository(req.Spec.URL)
	if err != nil {
		return registry.Reference{}, err
	}
	place, err := registry.Parse(req.Advertised.Place)
	if err == nil && (place.Digest == "" || place != of.At(place.Digest)) {
		err = errElsewhere
	}
	if err != nil {
		return registry.Reference{}, fmt.Errorf("find what is advertised at %q: %w", req.Advertised.Place, err)
	}
	return place, nil
}
