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

// maxVerify bounds the search for a signature: a registry may have many to show, each of them slowly.
const maxVerify = 2 * time.Minute

var errTooSlow = fmt.Errorf("who signed it was not found out within %s", maxVerify)

// verification is a digest held against a policy.
type verification struct {
	digest digest.Digest
	policy [sha256.Size]byte
}

// verify finds a signature of the digest by one of the request's signers, or knows of one. The error is an [*Error].
func (s *Source) verify(ctx context.Context, repo *registry.Repository, d digest.Digest, req Request) error {
	if req.Signers == nil {
		return nil
	}
	v := verification{d, req.Signers.Fingerprint()}
	if s.verifiedLately(v, req) {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, maxVerify, errTooSlow)
	defer cancel()
	_, err := s.Verifier.Verify(ctx, repo, d, req.Signers)
	if err != nil {
		return s.unverified(ctx, repo, d, req, err)
	}
	s.verified.set(v, time.Now())
	return nil
}

// verifiedLately tells whether a signature that was found counts until the object's next poll.
func (s *Source) verifiedLately(v verification, req Request) bool {
	at, limit := s.verified.of(v), cmp.Or(s.VerifyInterval, DefaultVerifyInterval)
	return !at.IsZero() && time.Since(at)+req.Spec.Interval.Duration < limit
}

// unverified is a digest for which no signature was found. A registry that has lost the artifact cannot be expected to have its
// signatures: that is no verdict.
func (s *Source) unverified(ctx context.Context, repo *registry.Repository, d digest.Digest, req Request, err error) *Error {
	failed, ok := errors.AsType[*signature.Error](err)
	definite := ok && failed.Definite()
	if ok && failed.Kind == signature.KindMissing {
		exists, lookErr := repo.Exists(ctx, d)
		if lookErr == nil && !exists {
			lookErr = errGone
		}
		if lookErr != nil {
			definite, err = false, lookErr
		}
	}
	if definite { // nobody else counts on what was found before
		s.verified.set(verification{d, req.Signers.Fingerprint()}, time.Time{})
	}
	e := failedRequest(v1.ReasonPullFailed, fmt.Errorf("verify %q: %w", repo.Reference().At(d), err)) // for what a registry says
	e.Condition, e.Reason, e.unusable = v1.ConditionSourceVerified, v1.ReasonVerificationError, false
	e.Unknown, e.subject = !definite, d
	e.Withdraws = definite && d == revisionDigest(req.Advertised.Revision)
	return e
}

// reconsider decides, when a run has failed, whether what is advertised may stay: it must not be served without the signature that it
// needs only because there is nothing better.
func (s *Source) reconsider(ctx context.Context, repo *registry.Repository, req Request, err error) error {
	failure, ok := errors.AsType[*Error](err)
	d := revisionDigest(req.Advertised.Revision)
	if !ok || d == "" || failure.subject == d {
		return err
	}
	verdict, bad := errors.AsType[*Error](s.verify(ctx, repo, d, req))
	if !bad {
		return err
	}
	both := *failure
	if verdict.Unknown {
		both.Unknown = failure.Condition != v1.ConditionSourceVerified || failure.Unknown
		return &both
	}
	both.Condition, both.Reason = verdict.Condition, verdict.Reason
	both.Withdraws, both.Unknown = true, false
	both.Err = fmt.Errorf("%w; and what was advertised is withdrawn: %w", failure.Err, verdict.Err)
	return &both
}
