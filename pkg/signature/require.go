package signature

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Requirement is one thing that a digest must have: a signature, or an attestation of one predicate type, by somebody whom a policy trusts.
type Requirement struct {
	Name  string      // who asks for it, for people, as in `spec.verify`; empty: that goes without saying
	By    *Policy     // who may have made it
	Type  string      // predicate type of the attestation; empty: a signature
	Where *Expression // what the attestation has to say; nil: anything
}

// Fingerprint is equal for requirements that ask for the same of artifacts in the repository that place names, whoever does, so that what was
// verified can be remembered by it.
func (r Requirement) Fingerprint(place registry.Reference) [sha256.Size]byte {
	text, err := json.Marshal(struct {
		By          [sha256.Size]byte
		Type, Where string
	}{r.By.fingerprintAt(place), r.Type, r.Where.String()})
	if err != nil {
		panic("signature: a requirement that JSON cannot hold: " + err.Error())
	}
	return sha256.Sum256(text)
}

// Satisfies looks for what the requirement asks for, attached to subject, and stops at the first that does. The error is an [*Error] that
// names the requirement; what has no digest of SHA-256 is one of the caller's.
func (v *Verifier) Satisfies(ctx context.Context, repo *registry.Repository, subject digest.Digest, r Requirement) (Verified, error) {
	s := newSearch(repo, subject, predicateSign)
	if r.Type != "" {
		if err := attestable(subject, r.Type); err != nil {
			return Verified{}, err
		}
		s.predicate = r.Type
	}
	s.against = r.Name
	q := question{repo.Reference().Name(), subject, r.Fingerprint(repo.Reference())}
	s.before = v.counted.of(q)
	var verified Verified
	err := v.search(ctx, s, r.By, func(e *entity, by Verified) (bool, error) {
		verified = by
		return true, r.Where.judge(ctx, e)
	})
	if err != nil {
		return Verified{}, err
	}
	v.counted.set(q, s.at)
	return verified, nil
}

// attestable refuses types of which there is no attestation.
func attestable(subject digest.Digest, predicateType string) error {
	if predicateType == "" || predicateType == predicateSign {
		return fmt.Errorf("verify attestations of %q: %q is no predicate type of an attestation", subject, predicateType)
	}
	return nil
}
