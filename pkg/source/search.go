package source

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// search looks for what is required of a digest. Objects that ask for the same at the same time, in the same way, share one search and what
// comes of it: after a restart, or when a key changes, they all do. Found is told by whom that was, unless somebody else looked.
func (s *Source) search(ctx context.Context, repo *registry.Repository, d digest.Digest, r signature.Requirement, req Request, found func(signature.Verified)) error {
	v := verificationIn(repo.Reference(), d, r)
	return s.searches.share(ctx, question{v, req.Access.Fingerprint()}, func() error {
		if s.verifiedLately(v, req) { // somebody was faster
			return nil
		}
		by, err := s.Verifier.Satisfies(ctx, repo, d, r)
		if err == nil {
			found(by)
			s.verified.set(v, time.Now())
		}
		if s.Searched != nil && ctx.Err() == nil {
			s.Searched(err)
		}
		return err
	})
}

// question is all that the outcome of a search may depend on.
type question struct {
	verification
	way [sha256.Size]byte
}

// searches are those under way. The zero value is ready.
type searches struct {
	mu    sync.Mutex
	going map[question]*answer
}

type answer struct {
	done chan struct{}
	err  error // when it is done
	void bool  // whoever looked was called off, or came to no end
}

// share has one look, and gives the others its answer. One that was called off, or panics, is nobody else's answer: another one looks then.
func (s *searches) share(ctx context.Context, q question, look func() error) error {
	for {
		a, mine := s.join(q)
		if mine {
			defer s.leave(q, a)
			a.err = look()
			a.void = ctx.Err() != nil
			return a.err
		}
		select {
		case <-a.done:
			if !a.void {
				return a.err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *searches) join(q question) (a *answer, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.going[q]; a != nil {
		return a, false
	}
	if s.going == nil {
		s.going = map[question]*answer{}
	}
	a = &answer{done: make(chan struct{}), void: true}
	s.going[q] = a
	return a, true
}

func (s *searches) leave(q question, a *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.going, q)
	close(a.done)
}
