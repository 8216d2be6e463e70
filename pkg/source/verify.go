package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// DefaultVerifyInterval is how long a signature that was found counts where nobody says otherwise.
const DefaultVerifyInterval = 24 * time.Hour

// maxVerify bounds the search for what one requirement asks for: a registry may have much to show, each piece slowly.
const maxVerify = 2 * time.Minute

var errTooSlow = fmt.Errorf("who signed it was not found out within %s", maxVerify)

// verification is a digest held against a requirement, by what one repository has to show for it: copies need their signatures, too.
type verification struct {
	repository  string
	digest      digest.Digest
	requirement [sha256.Size]byte
}

func verificationIn(place registry.Reference, d digest.Digest, r signature.Requirement) verification {
	return verification{place.Name(), d, r.Fingerprint(place)}
}

// verify finds for the digest all that the request requires, or knows of it. The error is an [*Error]: the first that is definite, or else
// the first.
func (s *Source) verify(ctx context.Context, repo *registry.Repository, d digest.Digest, req Request) error {
	var first *Error
	for _, r := range req.Requirements {
		failure := s.satisfies(ctx, repo, d, r, req)
		if failure != nil && (first == nil || first.Unknown && !failure.Unknown) {
			first = failure
		}
	}
	if first != nil {
		return first
	}
	return nil
}

func (s *Source) satisfies(ctx context.Context, repo *registry.Repository, d digest.Digest, r signature.Requirement, req Request) *Error {
	v := verificationIn(repo.Reference(), d, r)
	if s.verifiedLately(v, req) {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(s.patience, maxVerify), errTooSlow)
	defer cancel()
	check := req.Trace.check(d, r)
	if err := s.search(ctx, repo, d, r, req, check.found); err != nil {
		failure := unverified(ctx, repo, d, err)
		if unnamed(repo, req, failure) {
			condemn(repo, req, failure)
		}
		check.failed(failure)
		failure.Withdraws = !failure.Unknown && d == revisionDigest(req.Advertised.Revision) && !s.elsewhere(repo, r, req)
		if !failure.Unknown { // nobody else counts on what was found before
			s.verified.set(v, time.Time{})
		}
		return failure
	}
	return nil
}

// verifiedLately tells whether a signature that was found counts until the object's next poll.
func (s *Source) verifiedLately(v verification, req Request) bool {
	at, limit := s.verified.of(v), cmp.Or(s.VerifyInterval, DefaultVerifyInterval)
	return !at.IsZero() && time.Since(at)+req.Spec.Interval.Duration < limit
}

// unverified is a digest that does not have what it needs. A registry that has lost the artifact cannot be expected to have its signatures:
// that is no verdict.
func unverified(ctx context.Context, repo *registry.Repository, d digest.Digest, err error) *Error {
	failed, ok := errors.AsType[*signature.Error](err)
	definite := ok && failed.Definite()
	if ok && failed.Kind == signature.KindMissing {
		exists, lookErr := repo.Exists(ctx, d)
		if lookErr == nil && !exists {
			lookErr = errGone
		}
		if lookErr != nil {
			definite, err = false, fmt.Errorf("verify %q: %w", repo.Reference().At(d), lookErr)
		}
	}
	e := failedRequest(v1.ReasonPullFailed, err) // for what a registry says
	e.Condition, e.Reason, e.unusable = v1.ConditionSourceVerified, v1.ReasonVerificationError, false
	e.Unknown, e.subject = !definite, d
	return e
}
