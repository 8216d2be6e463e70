package signature

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Verifier verifies digests against policies. It keeps the trusted root of sigstore's public good instance, once a policy needed it. It is
// safe for concurrent use; a process shares one.
type Verifier struct {
	public  *public
	counted counted
	large   chan struct{} // holds one while a large piece of evidence is decoded
}

// NewVerifier returns a verifier. It fetches nothing yet.
func NewVerifier(o Options) *Verifier {
	return &Verifier{public: newPublic(o), large: make(chan struct{}, 1)}
}

// Verified says what made a digest satisfy a policy.
type Verified struct {
	Key      string        // the key's name in the policy; empty: an identity did
	Issuer   string        // of the identity
	Subject  string        // of the identity
	Form     Form          // how the signature is kept
	Evidence digest.Digest // of the layer that holds it
	Time     time.Time     // when a log or a timestamp authority saw it; zero: nobody was asked
	// Annotations are what the signer wrote into what was signed. They are as good as the signer.
	Annotations map[string]string
}

// String says by whom, as in `key "cosign.pub"`.
func (v Verified) String() string {
	if v.Key != "" {
		return "key " + quote(v.Key)
	}
	return fmt.Sprintf("%s, vouched for by %s", quote(v.Subject), quote(v.Issuer))
}

// Verify looks for a signature of subject that satisfies the policy, and stops at the first. The error is an [*Error]; what has no digest
// of SHA-256 is one of the caller's.
func (v *Verifier) Verify(ctx context.Context, repo *registry.Repository, subject digest.Digest, p *Policy) (Verified, error) {
	return v.Satisfies(ctx, repo, subject, Requirement{By: p})
}

// Find is [Verifier.Verify] for whoever looks for a certain one of several signatures: one that accept is content with.
func (v *Verifier) Find(
	ctx context.Context, repo *registry.Repository, subject digest.Digest, p *Policy, accept func(Verified) bool,
) (Verified, error) {
	var found Verified
	err := v.search(ctx, newSearch(repo, subject, predicateSign), p, func(_ *entity, by Verified) (bool, error) {
		if !accept(by) {
			return false, errForeign
		}
		found = by
		return true, nil
	})
	return found, err
}

func newSearch(repo *registry.Repository, subject digest.Digest, predicate string) *search {
	return &search{repo: repo, subject: subject, predicate: predicate}
}

// search calls found with evidence that satisfies the policy until it is content; an error of found means that this piece does not count
// after all. The error says why there is none, or that there may be more than could be had.
func (v *Verifier) search(ctx context.Context, s *search, p *Policy, found func(*entity, Verified) (bool, error)) error {
	if s.subject.Validate() != nil || s.subject.Algorithm() != digest.SHA256 {
		return fmt.Errorf("verify %q: it is no sha256 digest", s.subject)
	}
	j := &judge{policy: p, public: v.public, root: p.root, subject: s.subject, predicate: s.predicate}
	var m *Error
	if j.clause, m = s.among(p); m != nil {
		return s.explain(m)
	}
	some := false
	s.visit = func(ctx context.Context, c candidate) bool {
		leave, err := v.enter(ctx, len(c.raw))
		if err != nil {
			s.discard(&Error{KindUnreachable, readable(err), err})
			return false
		}
		defer leave()
		e, by, err := j.candidate(ctx, c)
		done := false
		if err == nil {
			done, err = found(e, by)
		}
		if err != nil {
			s.discard(err)
			return false
		}
		some = true
		return done
	}
	if s.run(ctx) {
		return nil
	}
	if ctx.Err() != nil {
		s.unreachable = context.Cause(ctx)
	}
	if some && s.unreachable == nil {
		return nil
	}
	return s.explain(s.conclude(ctx))
}

// enter waits until what takes so many bytes may be decoded, which takes many times as much memory: one large piece at a time. Whoever enters
// leaves.
func (v *Verifier) enter(ctx context.Context, size int) (leave func(), err error) {
	if size <= maxSignature {
		return func() {}, nil
	}
	select {
	case v.large <- struct{}{}:
		return func() { <-v.large }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// errForeign is told of evidence that says something else than what is looked for.
var errForeign = errors.New("it says something else")

// judge holds evidence about one digest against one policy.
type judge struct {
	policy    *Policy
	public    *public
	root      *root // nil: not needed yet
	subject   digest.Digest
	predicate string
	clause    *clause // of the trust policy; nil: none counts
}

// candidate decides about one piece of evidence. What libraries make of such bytes must not end an agent, even where it is a panic.
func (j *judge) candidate(ctx context.Context, c candidate) (e *entity, by Verified, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = miss(KindMalformed, "signature %s cannot be read: %s", c.name, readable(fmt.Errorf("%v", p)))
		}
	}()
	return j.unguarded(ctx, c)
}

func (j *judge) unguarded(ctx context.Context, c candidate) (e *entity, by Verified, err error) {
	if isEnvelope(c.mediaType) {
		by, err = j.notation(ctx, c)
		return nil, by, err
	}
	if e, err = parse(c); err != nil {
		return nil, Verified{}, miss(KindMalformed, "signature %s cannot be read: %s", c.name, readable(err))
	}
	if e.predicate != j.predicate {
		return nil, Verified{}, errForeign
	}
	e.name = "signature " + c.name
	if j.predicate != predicateSign {
		e.name = "attestation " + c.name
	}
	by, err = j.entity(ctx, e)
	by.Form, by.Evidence = c.form(), digest.Digest(c.name)
	if about := e.subject(j.subject); about != nil {
		by.Annotations = about.annotations
	}
	return e, by, err
}

// entity tries keys, then identities.
func (j *judge) entity(ctx context.Context, e *entity) (Verified, error) {
	signed, err := e.made()
	if err != nil {
		return Verified{}, miss(KindMalformed, "%s cannot be read: %s", e.name, readable(err))
	}
	if by, ok := j.byKey(e, signed); ok {
		return by, nil
	}
	content, err := e.VerificationContent()
	if err != nil {
		return Verified{}, miss(KindMalformed, "%s cannot be read: %s", e.name, readable(err))
	}
	leaf := content.Certificate()
	if leaf == nil || len(j.policy.matchers) == 0 {
		return Verified{}, j.diagnoseKey(e, signed, leaf)
	}
	if j.root == nil {
		if j.root, err = j.public.get(ctx); err != nil {
			return Verified{}, &Error{KindUnreachable, readable(err), err}
		}
	}
	by, err := j.byIdentity(e)
	if err != nil {
		return Verified{}, j.diagnoseIdentity(e, leaf)
	}
	return by, nil
}

// byKey leaves the verdict to sigstore-go, and the search for the key to arithmetic: the whole verification by each of many keys would take
// its time.
func (j *judge) byKey(e *entity, signed *made) (Verified, bool) {
	for _, k := range j.policy.keys {
		if !k.fits(signed) {
			continue
		}
		if _, err := j.verifyKey(e, k); err == nil && e.covers(j.subject) {
			return Verified{Key: k.name}, true
		}
	}
	return Verified{}, false
}

// verifyKey asks sigstore-go whether the key signed the evidence, and the evidence is about the digest.
func (j *judge) verifyKey(e *entity, k *key) (*verify.VerificationResult, error) {
	verifier, err := verify.NewVerifier(k.material(), verify.WithNoObserverTimestamps(), verify.WithoutStatementPredicate())
	if err != nil {
		return nil, err
	}
	artifact, err := e.artifact(j.subject)
	if err != nil {
		return nil, err
	}
	return verifier.Verify(keyView(e), verify.NewPolicy(artifact, verify.WithKey()))
}

func keyView(e *entity) verify.SignedEntity {
	if o, ok := e.SignedEntity.(*older); ok {
		return keyed{o}
	}
	return e.SignedEntity
}

// byIdentity asks sigstore-go with one policy that any of the identities satisfies.
func (j *judge) byIdentity(e *entity) (Verified, error) {
	artifact, err := e.artifact(j.subject)
	if err != nil {
		return Verified{}, err
	}
	var identities []verify.PolicyOption
	for _, m := range j.policy.matchers {
		identities = append(identities, verify.WithCertificateIdentity(m))
	}
	result, err := j.root.verifier.Verify(e.SignedEntity, verify.NewPolicy(artifact, identities...))
	if err != nil {
		return Verified{}, err
	}
	if !e.covers(j.subject) {
		return Verified{}, errors.New("it is about something else")
	}
	by := Verified{Issuer: result.Signature.Certificate.Issuer, Subject: result.Signature.Certificate.SubjectAlternativeName}
	for _, stamp := range result.VerifiedTimestamps {
		if by.Time.IsZero() || stamp.Timestamp.Before(by.Time) {
			by.Time = stamp.Timestamp
		}
	}
	return by, nil
}
