package signature

import (
	"context"
	"encoding/json"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Attestation is a statement about a digest by somebody whom a policy trusts.
type Attestation struct {
	PredicateType string
	Predicate     json.RawMessage // as it was signed
	By            Verified
}

const (
	maxAttestations      = 16       // that satisfy a policy
	maxAttestationsBytes = 16 << 20 // of all predicates
)

// Attestations gives the attestations of one predicate type about subject that satisfy the policy, 16 at most. The error is an [*Error],
// as with [Verifier.Verify], when there are none. One of [KindUnreachable] may come along with some: then there may be others.
func (v *Verifier) Attestations(
	ctx context.Context, repo *registry.Repository, subject digest.Digest, predicateType string, p *Policy,
) ([]Attestation, error) {
	return v.Satisfying(ctx, repo, subject, Requirement{By: p, Type: predicateType})
}

// Satisfying gives the attestations that satisfy a requirement which names a type. Bounds and errors are those of [Verifier.Attestations].
func (v *Verifier) Satisfying(ctx context.Context, repo *registry.Repository, subject digest.Digest, r Requirement) ([]Attestation, error) {
	if err := attestable(subject, r.Type); err != nil {
		return nil, err
	}
	s := newSearch(repo, subject, r.Type)
	s.against = r.Name
	var all []Attestation
	size := 0
	err := v.search(ctx, s, r.By, func(e *entity, by Verified) (bool, error) {
		predicate, err := e.statedPredicate()
		if err != nil {
			return false, miss(KindMalformed, "%s cannot be read: %s", e.name, readable(err))
		}
		if err := r.Where.judge(ctx, e); err != nil {
			return false, err
		}
		all = append(all, Attestation{r.Type, predicate, by})
		size += len(predicate)
		return len(all) == maxAttestations || size > maxAttestationsBytes, nil
	})
	return all, err
}
