package signature

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/kubectl-oci/kubectl-oci/pkg/pattern"
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
func literal(text string) string {
	if re, err := pattern.Compile(text); err == nil {
		if one, whole := re.LiteralPrefix(); whole {
			return one
		}
	}
	return text
}

// matcher is the identity as sigstore-go wants it.
func (i Identity) matcher() (verify.CertificateIdentity, error) {
	issuer, err := i.compile(i.Issuer)
	if err != nil {
		return verify.CertificateIdentity{}, fmt.Errorf("read issuer of identity: %w", err)
	}
	subject, err := i.compile(i.Subject)
	if err != nil {
		return verify.CertificateIdentity{}, fmt.Errorf("read subject of identity: %w", err)
	}
	return verify.NewCertificateIdentity(
		verify.SubjectAlternativeNameMatcher{Regexp: *subject}, verify.IssuerMatcher{Regexp: *issuer}, certificate.Extensions{})
}

func (i Identity) compile(text string) (*regexp.Regexp, error) {
	switch {
	case text == "":
		return nil, errors.New("it is empty, which would mean anyone")
	case i.Anchored:
		return pattern.CompileWhole(text)
	}
	return pattern.Compile(text)
}

// maxSteps bounds the patterns of all identities together: a tenant writes them, and they are kept in memory while anything is verified.
const maxSteps = 8 * pattern.MaxSteps

// matchers are the identities as sigstore-go wants them. What is too much is refused before more of it is compiled.
func matchers(identities []Identity) (all []verify.CertificateIdentity, err error) {
	steps := 0
	for _, i := range identities {
		matcher, err := i.matcher()
		if err != nil {
			return nil, err
		}
		all = append(all, matcher)
		for _, text := range []string{i.Issuer, i.Subject} {
			n, err := pattern.Steps(text)
			if err != nil {
				return nil, err
			}
			steps += n
		}
		if steps > maxSteps {
			return nil, fmt.Errorf("its identities would take more than %d steps to match: repeat less, and name fewer classes", maxSteps)
		}
	}
	return all, nil
}
