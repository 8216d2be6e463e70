package signature

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// Identity is somebody an OpenID provider vouches for: both patterns must match, RE2 each.
type Identity struct {
	Issuer  string // the provider, as in ^https://token.actions.githubusercontent.com$
	Subject string // who signs: the address of a workflow, or of mail
	// Anchored patterns match the whole, as if they stood between ^ and $. Others match any part.
	Anchored bool
}

// String is for messages.
func (i Identity) String() string {
	return fmt.Sprintf("subject %s of issuer %s", quote(literal(i.Subject)), quote(literal(i.Issuer)))
}

// literal is a pattern as a person would write it: without the escapes of one that matches one text only.
func literal(pattern string) string {
	if re, err := regexp.Compile(pattern); err == nil {
		if text, whole := re.LiteralPrefix(); whole {
			return text
		}
	}
	return pattern
}

// matcher is the identity as sigstore-go wants it.
func (i Identity) matcher() (verify.CertificateIdentity, error) {
	issuer, err := i.pattern(i.Issuer)
	if err != nil {
		return verify.CertificateIdentity{}, fmt.Errorf("read issuer of identity: %w", err)
	}
	subject, err := i.pattern(i.Subject)
	if err != nil {
		return verify.CertificateIdentity{}, fmt.Errorf("read subject of identity: %w", err)
	}
	return verify.NewCertificateIdentity(
		verify.SubjectAlternativeNameMatcher{Regexp: *subject}, verify.IssuerMatcher{Regexp: *issuer}, certificate.Extensions{})
}

const maxPattern = 1024 // bytes

// pattern compiles what a person wrote before anything is put around it, so that it cannot end what is.
func (i Identity) pattern(text string) (*regexp.Regexp, error) {
	switch {
	case text == "":
		return nil, errors.New("it is empty, which would mean anyone")
	case len(text) > maxPattern:
		return nil, fmt.Errorf("it has more than %d bytes", maxPattern)
	}
	re, err := regexp.Compile(text)
	if err != nil || !i.Anchored {
		return re, err
	}
	parsed, err := syntax.Parse(text, syntax.Perl) // since \Q quotes all that follows, the end as well
	if err != nil {
		return nil, err
	}
	return regexp.Compile(`\A(?:` + parsed.String() + `)\z`)
}
