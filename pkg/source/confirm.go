package source

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// confirm has the registry confirm that the object's credential may read what a digest pins. A tag was resolved with that credential
// just now; a digest is asked for once, and again when the place or the credential changes.
func (s *Source) confirm(ctx context.Context, repo *registry.Repository, found resolved, place registry.Reference, req Request) error {
	proof := proofOf(place, req)
	if !found.pinned || s.confirmed.of(req.Key) == proof {
		return nil
	}
	exists, err := repo.Exists(ctx, found.descriptor.Digest)
	if err == nil && !exists {
		err = fmt.Errorf("resolve %q: %w", place, errGone)
	}
	if err != nil {
		return failedRequest(v1.ReasonPullFailed, err)
	}
	s.confirmed.set(req.Key, proof)
	return nil
}

var errGone = errors.New("the registry does not have it any more")

// proof identifies an artifact, the way to it, and what is to be made of it.
type proof [sha256.Size]byte

func proofOf(place registry.Reference, req Request) proof {
	raw, err := json.Marshal(struct {
		Place    string
		Way      [sha256.Size]byte
		Ignore   *string
		Selector *v1.OCILayerSelector
	}{place.String(), req.Access.Fingerprint(), req.Spec.Ignore, req.Spec.LayerSelector})
	if err != nil {
		panic("source: a proof that JSON cannot hold: " + err.Error())
	}
	return sha256.Sum256(raw)
}

// refusal is an artifact that arrived whole and turned out to be of no use.
type refusal struct {
	proof   proof
	failure *Error
}

// refused gives the failure that fetching the same again would end in.
func (s *Source) refused(key store.Key, p proof) *Error {
	if last := s.refusals.of(key); last.failure != nil && last.proof == p {
		again := *last.failure
		return &again
	}
	return nil
}

// remember takes note of what fetching an artifact came to.
func (s *Source) remember(key store.Key, p proof, err error) {
	if err == nil {
		s.confirmed.set(key, p)
	}
	failure, _ := errors.AsType[*Error](err)
	if failure == nil || failure.unusable {
		s.refusals.set(key, refusal{p, failure})
	}
}
