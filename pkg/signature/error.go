package signature

import (
	"fmt"
	"strings"
	"unicode"
)

// Kind tells why nothing that is attached to a digest satisfies a policy. Where there are several signatures, it is that of the one that
// came nearest.
type Kind int

// The kinds, from the farthest to the nearest miss, then those about the search.
const (
	KindMissing         Kind = iota + 1 // nothing is attached
	KindAttestationOnly                 // attestations are, and no signature
	KindMalformed                       // it is no evidence that could be read
	KindUntrusted                       // the certificate is from nobody the trusted root names
	KindWrongKey                        // no key of the policy made it
	KindWrongIdentity                   // it is by somebody else, or by a key where an identity is asked for
	KindTampered                        // the signature does not fit what was signed
	KindOtherDigest                     // it is a signature of something else
	KindLog                             // the transparency log has no entry for it, or one for something else
	KindExpired                         // nothing proves that it was made while the certificate was valid
	KindUnmet                           // it is an attestation by the right one that does not say what is asked for
	KindTooMany                         // none of those that were looked at counts, and there are more, or larger ones, than are
	KindUnreachable                     // evidence or the trusted root cannot be had: this says nothing about the artifact
)

// Error says why a digest does not satisfy a policy.
type Error struct {
	Kind   Kind
	Reason string // complete, but for what was verified
	Err    error  // below it, where there is one
}

func (e *Error) Error() string { return e.Reason }
func (e *Error) Unwrap() error { return e.Err }

// Definite tells whether the artifact is known not to satisfy the policy, rather than not known to satisfy it. So is one whose evidence may be
// hidden among too much else: who can push could otherwise keep a revoked key's signature alive with junk, while consumers keep what they
// applied when an artifact is withdrawn.
func (e *Error) Definite() bool { return e.Kind != KindUnreachable }

// miss is why one candidate does not count.
func miss(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Reason: err.Error(), Err: unwrapOnce(err)}
}

func unwrapOnce(err error) error {
	if e, ok := err.(interface{ Unwrap() error }); ok {
		return e.Unwrap()
	}
	return nil
}

// quote makes something that others wrote fit for a message.
func quote(s string) string { return fmt.Sprintf("%.200q", s) }

const maxReadable = 300 // bytes

// readable is a library's error in one line of bounded length. Libraries put what others wrote into theirs: what a terminal would obey is
// written out.
func readable(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	var line strings.Builder
	for _, r := range text {
		if line.Len() >= maxReadable {
			line.WriteString("…")
			break
		}
		if unicode.IsPrint(r) {
			line.WriteRune(r)
			continue
		}
		fmt.Fprintf(&line, "%U", r)
	}
	return line.String()
}
