package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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

// discredit says why what is advertised, and is about to be replaced, must not be downloaded for a while still, as other artifacts that
// were replaced: it does not satisfy what is required by now. Nil: it does, or that cannot be found out.
func (s *Source) discredit(ctx context.Context, repo *registry.Repository, req Request) *Error {
	d := revisionDigest(req.Advertised.Revision)
	if d == "" {
		return nil
	}
	if verdict, bad := errors.AsType[*Error](s.standing(ctx, repo, req)); bad && verdict.Withdraws {
		return verdict
	}
	return nil
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
