package source

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// confirm has the registry confirm that the object's credential may read what a digest pins. A tag was resolved with that credential
// just now; a digest is asked for once, and again when the place or the credential changes.
func (s *Source) confirm(ctx context.Context, repo *registry.Repository, found resolved, place registry.Reference, req Request) error {
	proof := proofOf(place, req.Access)
	if !found.pinned || s.confirmed.has(req.Key, proof) {
		return nil
	}
	exists, err := repo.Exists(ctx, found.descriptor.Digest)
	if err == nil && !exists {
		err = fmt.Errorf("resolve %q: %w", place, errGone)
	}
	if err != nil {
		return failedRequest(v1.ReasonPullFailed, err)
	}
	s.confirmed.add(req.Key, proof)
	return nil
}

var errGone = errors.New("the registry does not have it any more")

// proof identifies an artifact and the way to it.
type proof [sha256.Size]byte

func proofOf(place registry.Reference, a registry.Access) proof {
	way := a.Fingerprint()
	return sha256.Sum256(append([]byte(place.String()), way[:]...))
}

// maxConfirmed bounds the memory for objects that are long gone. Beyond it, everybody is asked for once more.
const maxConfirmed = 100_000

// confirmed remembers what each object has been found to be allowed to read.
type confirmed struct {
	mu     sync.Mutex
	proofs map[store.Key]proof
}

func (c *confirmed) has(key store.Key, p proof) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.proofs[key] == p
}

func (c *confirmed) add(key store.Key, p proof) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proofs == nil || len(c.proofs) >= maxConfirmed {
		c.proofs = map[store.Key]proof{}
	}
	c.proofs[key] = p
}
