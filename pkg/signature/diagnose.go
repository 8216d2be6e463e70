package signature

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// What is here only explains: nothing that it finds right makes a signature count.

// diagnoseKey is about evidence that a key made, or that only keys could have made right.
func (j *judge) diagnoseKey(e *entity, signed *made, leaf *x509.Certificate) *Error {
	if _, beside := e.SignedEntity.(*older); leaf != nil && !beside { // a bundle is by a key or by an identity
		return miss(KindWrongKey, "%s is by %s, but wanted is one of the keys %s", e.name, whose(leaf), j.policy.keyNames())
	}
	for _, k := range j.policy.keys {
		if k.fits(signed) {
			return j.other(e)
		}
	}
	for _, k := range j.policy.keys {
		if k.id == e.hint {
			return miss(KindTampered, "%s names the key %s, but does not fit what is signed: one of both was changed", e.name, quote(k.name))
		}
	}
	switch {
	case len(j.policy.keys) == 0:
		return miss(KindWrongIdentity, "%s is by a key, but wanted is %s", e.name, j.policy.wanted())
	case e.payload != nil: // it does not say by which key
		return miss(KindWrongKey, "%s is by none of the keys %s, or was changed", e.name, j.policy.keyNames())
	}
	return miss(KindWrongKey, "%s is by another key than %s", e.name, j.policy.keyNames())
}

// signedBy tells whether the signature fits what was signed.
func signedBy(e verify.SignedEntity, payload []byte, material sigroot.TrustedMaterial) error {
	content, err := e.SignatureContent()
	if err != nil {
		return err
	}
	by, err := e.VerificationContent()
	if err != nil {
		return err
	}
	if payload == nil {
		return verify.VerifySignature(content, by, material)
	}
	return verify.VerifySignatureWithArtifacts(content, by, material, []io.Reader{bytes.NewReader(payload)})
}

// other is what is left when the signature is right: it is about something else, or its certificate was never published.
func (j *judge) other(e *entity) *Error {
	switch {
	case len(e.subjects) == 0:
		return miss(KindMalformed, "%s says not what it is of", e.name)
	case e.covers(j.subject):
		return miss(KindUntrusted, "%s has a certificate that no certificate transparency log of the trusted root knows", e.name)
	}
	return miss(KindOtherDigest, "%s is of %s", e.name, e.subjects[0].digest)
}

// diagnoseIdentity is about evidence with a certificate.
func (j *judge) diagnoseIdentity(e *entity, leaf *x509.Certificate) *Error {
	leaf.UnhandledCriticalExtensions = nil // names of a kind that Go does not know, as sigstore-go treats them
	switch {
	case j.issued(leaf, j.root):
	case j.issued(leaf, unlimited{j.root}):
		return miss(KindUntrusted, "%s has a certificate of %s, when the trusted root did not trust its authority", e.name, moment(leaf.NotBefore))
	default:
		return miss(KindUntrusted, "%s has a certificate of an authority that the trusted root does not name", e.name)
	}
	if err := signedBy(e.SignedEntity, e.payload, j.root); err != nil {
		return miss(KindTampered, "%s does not fit what is signed: one of both was changed", e.name)
	}
	if m := j.diagnoseTime(e, leaf); m != nil {
		return m
	}
	summary, err := certificate.SummarizeCertificate(leaf)
	if err != nil {
		return miss(KindMalformed, "%s has a certificate that cannot be read: %s", e.name, readable(err))
	}
	for _, m := range j.policy.matchers {
		if m.Verify(summary) == nil {
			return j.other(e)
		}
	}
	return miss(KindWrongIdentity, "%s is by %s, but wanted is %s", e.name, whose(leaf), j.policy.wanted())
}

// unlimited trusts authorities at any time.
type unlimited struct{ sigroot.TrustedMaterial }

func (u unlimited) FulcioCertificateAuthorities() (all []sigroot.CertificateAuthority) {
	for _, a := range u.TrustedMaterial.FulcioCertificateAuthorities() {
		if f, ok := a.(*sigroot.FulcioCertificateAuthority); ok {
			all = append(all, &sigroot.FulcioCertificateAuthority{Root: f.Root, Intermediates: f.Intermediates})
		}
	}
	return all
}

// issued tells whether the root names who issued a certificate, whenever that was.
func (j *judge) issued(leaf *x509.Certificate, root sigroot.TrustedMaterial) bool {
	for _, t := range []time.Time{leaf.NotBefore, leaf.NotAfter} {
		if _, err := verify.VerifyLeafCertificate(t, leaf, root); err == nil {
			return true
		}
	}
	return false
}

// whose says who a certificate is for.
func whose(leaf *x509.Certificate) string {
	summary, err := certificate.SummarizeCertificate(leaf)
	if err != nil {
		return "somebody whose certificate cannot be read"
	}
	return fmt.Sprintf("%s, vouched for by %s", quote(summary.SubjectAlternativeName), quote(summary.Issuer))
}

// diagnoseTime looks for a proof of when the signature was made.
func (j *judge) diagnoseTime(e *entity, leaf *x509.Certificate) *Error {
	entries, err := e.TlogEntries()
	if err != nil {
		return miss(KindLog, "%s has a log entry that cannot be read: %s", e.name, readable(err))
	}
	for _, entry := range entries {
		if at := entry.IntegratedTime(); !at.IsZero() && (at.Before(leaf.NotBefore) || at.After(leaf.NotAfter)) {
			return outside(e.name, "was logged", at, leaf)
		}
	}
	var times []sigroot.Timestamp
	if len(j.root.RekorLogs()) > 0 {
		if len(entries) == 0 {
			return miss(KindLog, "%s has no entry in a transparency log", e.name)
		}
		if times, err = verify.VerifyTlogEntry(e.SignedEntity, j.root, 1, true); err != nil {
			return miss(KindLog, "%s has a log entry that is for something else, or of no log that the trusted root names: %s", e.name, readable(err))
		}
	}
	stamps, _, err := verify.VerifySignedTimestamp(e.SignedEntity, j.root)
	if err != nil {
		return miss(KindMalformed, "%s has timestamps that cannot be read: %s", e.name, readable(err))
	}
	for _, stamp := range stamps {
		if stamp.Time.Before(leaf.NotBefore) || stamp.Time.After(leaf.NotAfter) {
			return outside(e.name, "was timestamped", stamp.Time, leaf)
		}
	}
	if len(times)+len(stamps) == 0 {
		return miss(KindExpired, "%s has a certificate that was valid until %s, and nothing proves that it was made before",
			e.name, moment(leaf.NotAfter))
	}
	return nil
}

func outside(name, what string, at time.Time, leaf *x509.Certificate) *Error {
	return miss(KindExpired, "%s %s at %s, but its certificate was valid from %s to %s only",
		name, what, moment(at), moment(leaf.NotBefore), moment(leaf.NotAfter))
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// discard keeps why a piece of evidence does not count.
func (s *search) discard(err error) {
	m, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		s.foreign++
	case m.Kind == KindUnreachable:
		s.unreachable = m
	default:
		s.misses = append(s.misses, m)
	}
}

func asUnusable(err error) (*registry.UnusableError, bool) {
	return errors.AsType[*registry.UnusableError](err)
}

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }

// conclude says what the whole search comes to. What could not be had comes first: a signature may be in it. Then, what was not looked
// at; then the nearest miss.
func (s *search) conclude(ctx context.Context) *Error {
	thing := s.thing()
	if len(s.misses) == 0 && s.unreachable == nil && s.predicate == predicateSign && s.sigstore {
		s.lookForAttestations(ctx)
	}
	switch nearest := s.nearest(); {
	case s.unreachable != nil:
		return &Error{KindUnreachable, fmt.Sprintf("the evidence cannot be had: %s", readable(s.unreachable)), s.unreachable}
	case s.beyond != "" && nearest != nil:
		return miss(KindTooMany, "none of the %d that were looked at is a %s that counts, and %s: %w", len(s.misses), thing, s.beyond, nearest)
	case s.beyond != "":
		return miss(KindTooMany, "no %s was found, and %s", thing, s.beyond)
	case nearest != nil && len(s.misses) > 1:
		do := "do"
		if len(s.misses) == 2 {
			do = "does"
		}
		return &Error{nearest.Kind, fmt.Sprintf("%s (and %d more that %s not count)", nearest.Reason, len(s.misses)-1, do), nearest.Err}
	case nearest != nil:
		return nearest
	case s.foreign > 0 && !s.sigstore:
		return miss(KindAttestationOnly, "no %s is attached to it, only other things", thing)
	case s.notarized && s.notary == nil && s.predicate == predicateSign:
		return miss(KindAttestationOnly, "no signature by a key or an identity is attached to it, only a Notary Project signature, which a trust policy is for")
	case s.foreign > 0 && s.predicate == predicateSign:
		return miss(KindAttestationOnly, "no %s is attached to it, only attestations or other things, which are no signatures", thing)
	}
	return miss(KindMissing, "no %s is attached to it", thing)
}

// thing is what is looked for.
func (s *search) thing() string {
	switch {
	case s.predicate != predicateSign:
		return "attestation of type " + quote(s.predicate)
	case !s.sigstore:
		return "Notary Project signature"
	}
	return "signature"
}

// lookForAttestations asks for the older tag of attestations, so that the message can tell.
func (s *search) lookForAttestations(ctx context.Context) {
	if _, err := s.repo.Resolve(ctx, registry.FallbackTag(s.subject)+suffixAttestation); err == nil {
		s.foreign++
	}
}

func (s *search) nearest() *Error {
	var best *Error
	for _, m := range s.misses {
		if best == nil || m.Kind > best.Kind {
			best = m
		}
	}
	return best
}

// explain names what was searched for.
func (s *search) explain(e *Error) *Error {
	what := fmt.Sprintf("%q", s.repo.Reference().At(s.subject))
	if s.against != "" {
		what += " for " + s.against
	}
	return &Error{e.Kind, fmt.Sprintf("verify %s: %s", what, e.Reason), e.Err}
}
