package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// What is here is about what is advertised already, where a run came to something else.

// unasked is a failure from before any registry was asked. What is advertised satisfies its requirements where that is remembered;
// otherwise it is not known.
func (s *Source) unasked(req Request, failure *Error) *Error {
	d := revisionDigest(req.Advertised.Revision)
	place, _ := registry.Parse(req.Advertised.Place) // what is none is the place of nothing that is remembered
	forgotten := func(r signature.Requirement) bool {
		return !s.remembers(verificationIn(place, d, r))
	}
	if d == "" || !slices.ContainsFunc(req.Requirements, forgotten) {
		return failure
	}
	unsure := *failure
	unsure.Unknown = true
	return &unsure
}

// remembers tells whether what was found counts at this moment.
func (s *Source) remembers(v verification) bool {
	at := s.verified.of(v)
	return !at.IsZero() && time.Since(at) < cmp.Or(s.VerifyInterval, DefaultVerifyInterval)
}

// standing verifies what is advertised. Where the spec names another repository by now, what was found in the one that it came from
// counts as long as it is remembered.
func (s *Source) standing(ctx context.Context, repo *registry.Repository, req Request) error {
	known := func(r signature.Requirement) bool { return s.elsewhere(repo, r, req) }
	req.Requirements = slices.DeleteFunc(slices.Clone(req.Requirements), known)
	return s.verify(ctx, repo, revisionDigest(req.Advertised.Revision), req)
}

// elsewhere tells whether what is advertised is known to satisfy a requirement in another repository than the one that the spec names.
func (s *Source) elsewhere(repo *registry.Repository, r signature.Requirement, req Request) bool {
	place, err := registry.Parse(req.Advertised.Place)
	return err == nil && moved(repo, req) && s.verifiedLately(verificationIn(place, revisionDigest(req.Advertised.Revision), r), req)
}

// moved tells whether what is advertised comes from a repository that the spec does not name any more.
func moved(repo *registry.Repository, req Request) bool {
	place := req.Advertised.Place
	return place != "" && !strings.HasPrefix(place, repo.Reference().Name()+"@")
}

// discredit fails where what is advertised definitely does not satisfy what is required by now. That is withdrawn before its successor is
// brought: this may take long, and what is only replaced may be downloaded for a while still. The next try, at once, brings it.
func (s *Source) discredit(ctx context.Context, repo *registry.Repository, req Request) error {
	if req.Advertised.Revision == "" {
		return nil
	}
	if verdict, bad := errors.AsType[*Error](s.standing(ctx, repo, req)); bad && verdict.Withdraws {
		verdict.RetryAt = time.Now()
		return verdict
	}
	return nil
}

// reconsider decides, when a run has failed, whether what is advertised may stay: it must not be served without the signature that it
// needs only because there is nothing better.
func (s *Source) reconsider(ctx context.Context, repo *registry.Repository, req Request, err error) error {
	failure, ok := errors.AsType[*Error](err)
	d := revisionDigest(req.Advertised.Revision)
	if !ok || d == "" || failure.Withdraws || failure.subject == d && !moved(repo, req) {
		return err
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	verdict, bad := errors.AsType[*Error](s.standing(ctx, repo, req))
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
	both.Err = fmt.Errorf("%w; and %w", failure.Err, verdict.Err)
	return &both
}

// afterwards is the time to reconsider where that of the run is over: a registry must not decide by being slow. Who called the run off
// does not wait.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(context.WithoutCancel(ctx), maxVerify, errTooSlow)
}

// unnamed is what is advertised, comes from a repository that the spec does not name any more, and is not in the one that it names. That
// one has no evidence for it, and never will: this is not like a registry that has lost something.
func unnamed(repo *registry.Repository, req Request, failure *Error) bool {
	return errors.Is(failure, errGone) && failure.subject == revisionDigest(req.Advertised.Revision) && moved(repo, req)
}

// condemn makes a verdict of that.
func condemn(repo *registry.Repository, req Request, failure *Error) {
	failure.Unknown = false
	failure.Err = fmt.Errorf("verify %q: %s, which spec.url names, has neither it nor a signature of it", req.Advertised.Place, repo.Reference().Name())
}
