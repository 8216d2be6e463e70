package signature

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	notationgo "github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/opencontainers/go-digest"
)

// notation decides about a Notary Project signature.
func (j *judge) notation(ctx context.Context, c candidate) (Verified, error) {
	name := "signature " + c.name
	content, err := parseNotary(c)
	if err == nil && j.clause.stamped {
		err = stampable(content.SignerInfo.UnsignedAttributes.TimestampSignature)
	}
	if err != nil {
		return Verified{}, miss(KindMalformed, "%s cannot be read: %s", name, readable(err))
	}
	target, err := targetOf(content)
	if err != nil {
		return Verified{}, miss(KindMalformed, "%s says not what it is of: %s", name, readable(err))
	}
	// notation-go is told what the envelope says, and does not compare: so it tells what is wrong with a signature before what it is of.
	outcome, err := j.clause.verifier.Verify(ctx, target, c.raw, notationgo.VerifierVerifyOptions{
		ArtifactReference: "registry.invalid/artifact@" + j.subject.String(), SignatureMediaType: c.mediaType,
	})
	if err != nil {
		return Verified{}, j.diagnoseNotation(name, outcome, err)
	}
	if target, err = targetOf(outcome.EnvelopeContent); err != nil || target.Digest != j.subject {
		return Verified{}, miss(KindOtherDigest, "%s is of %s", name, target.Digest)
	}
	chain := outcome.EnvelopeContent.SignerInfo.CertificateChain
	by := Verified{Subject: chain[0].Subject.String(), Form: FormNotation, Evidence: digest.Digest(c.name), Annotations: target.Annotations}
	if trusted := j.policy.notary.store.voucher(chain); trusted != nil {
		by.Issuer = trusted.Subject.String()
	}
	return by, nil
}

// voucher is the trusted certificate in a chain; nil: there is none.
func (s store) voucher(chain []*x509.Certificate) *x509.Certificate {
	trusted, err := signature.VerifyAuthenticity(&signature.SignerInfo{CertificateChain: chain}, s.certificates)
	if err != nil {
		return nil
	}
	return trusted
}

// diagnoseNotation explains what notation-go found first: it stops at the first check that fails, whose result is the last.
func (j *judge) diagnoseNotation(name string, outcome *notationgo.VerificationOutcome, err error) *Error {
	if outcome != nil && len(outcome.VerificationResults) > 0 {
		info := outcome.EnvelopeContent // nil: it has no integrity
		switch outcome.VerificationResults[len(outcome.VerificationResults)-1].Type {
		case trustpolicy.TypeIntegrity:
			if _, changed := errors.AsType[*signature.SignatureIntegrityError](err); changed {
				return miss(KindTampered, "%s does not fit what is signed: one of both was changed", name)
			}
		case trustpolicy.TypeAuthenticity:
			return j.diagnoseSigner(name, info.SignerInfo, err)
		case trustpolicy.TypeExpiry:
			return miss(KindExpired, "%s was good until %s only", name, moment(info.SignerInfo.SignedAttributes.Expiry))
		case trustpolicy.TypeAuthenticTimestamp:
			return j.diagnoseMoment(name, info.SignerInfo.CertificateChain[0], err)
		case trustpolicy.TypeRevocation:
			return miss(KindUntrusted, "%s has a certificate that does not count any more, or of which that is not known for want of a fresh "+
				"revocation list (nobody else is asked): %s", name, readable(err))
		}
	}
	return miss(KindMalformed, "%s cannot be read: %s", name, readable(err))
}

// diagnoseSigner is about who signed.
func (j *judge) diagnoseSigner(name string, info signature.SignerInfo, err error) *Error {
	who := quote(info.CertificateChain[0].Subject.String())
	_, scheme := errors.AsType[notationgo.VerificationInconclusiveError](err)
	switch trusted := j.policy.notary.store; {
	case trusted.voucher(info.CertificateChain) == nil:
		return miss(KindUntrusted, "%s is by %s, for whom none of the certificates %s vouches", name, who, trusted)
	case scheme:
		return miss(KindUntrusted, "%s is of the scheme %s, for which the trust policy names no store", name, quote(string(info.SignedAttributes.SigningScheme)))
	}
	return miss(KindWrongIdentity, "%s is by %s, but wanted is %s", name, who, j.clause.wanted())
}

// diagnoseMoment is about when it was signed.
func (j *judge) diagnoseMoment(name string, leaf *x509.Certificate, err error) *Error {
	if !j.clause.stamped && time.Now().After(leaf.NotAfter) {
		return miss(KindExpired, "%s has a certificate that was valid until %s, and nothing proves that it was made before", name, moment(leaf.NotAfter))
	}
	return miss(KindExpired, "nothing proves that %s was made while its certificates were valid: %s", name, readable(err))
}

// wanted says whom the statement trusts.
func (c *clause) wanted() string {
	const some = 3
	var texts []string
	for _, identity := range c.identities[:min(some, len(c.identities))] {
		texts = append(texts, quote(identity))
	}
	text := strings.Join(texts, ", or ")
	if len(c.identities) > some {
		text += ", or others"
	}
	return text
}
