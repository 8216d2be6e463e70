package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// signingHint says what to do where there is no key or no identity to sign with, or whom to trust cannot be read.
func signingHint(err error) string {
	switch {
	case errors.Is(err, errNobody):
		return "name a key with --key or a token with --identity-token; or --no-browser, to log in with a code. " +
			"A job of GitHub Actions has a token with the permission id-token: write, one of GitLab in " + tokenVariable
	case errors.Is(err, errNotAgreed):
		return "--yes agrees; a key's signature, or one by a private --fulcio-url, becomes public nowhere"
	}
	if e, ok := errors.AsType[*signature.ServiceError](err); ok {
		return fmt.Sprintf("the %s is no part of the registry: is its address right, and does it know who signs?", e.Service)
	}
	if e, ok := errors.AsType[*keyError](err); ok {
		return e.hint()
	}
	return ""
}

func (e *keyError) hint() string {
	scheme, _, _ := strings.Cut(e.ref, "://")
	if _, ok := errors.AsType[noServiceError](e.err); ok {
		return fmt.Sprintf("key services are awskms, azurekms, gcpkms, hashivault and openbao; others need sigstore's plugin, "+
			"a program named sigstore-kms-%s on the PATH", scheme)
	}
	switch {
	case errors.Is(e.err, signature.ErrPassword):
		return "it comes from " + passwordVariable + " where that is set, from --password-stdin, or a prompt"
	case errors.Is(e.err, exec.ErrNotFound):
		return "Secrets are read with kubectl: is it on the PATH?"
	case errors.Is(e.err, os.ErrNotExist) && e.public:
		return "is its name right? The public key comes from whoever signs: no new one verifies what is signed already"
	case errors.Is(e.err, os.ErrNotExist):
		return "kubectl oci keygen makes a key pair"
	case isService(e.ref):
		return "the key service is asked as its own tools ask it: is its address set, and may you use this key?"
	}
	return ""
}

// signatureHint says what may be the matter with an artifact that is not verified, or with the question.
func signatureHint(kind signature.Kind, command *cobra.Command) string {
	attestation := command.Flags().Changed("attestation")
	if onlyNotation(command) && !attestation {
		return notationHint(kind)
	}
	switch kind {
	case signature.KindMissing:
		if attestation {
			return "kubectl oci attest makes one; is it of this type, and did the tag move since?"
		}
		return "was it signed? A tag may have moved since, to a digest that is not; kubectl oci sign signs one"
	case signature.KindAttestationOnly:
		return "kubectl oci sign signs it; --attestation looks for attestations, and --trust-policy for what notation signed"
	case signature.KindWrongKey:
		return "is it the right key? While one takes the place of another, give both: --key may be repeated"
	case signature.KindWrongIdentity:
		return "the message says who signed: whom to trust is said with --certificate-identity and --certificate-oidc-issuer"
	case signature.KindUntrusted:
		return "a private sigstore needs its own root: --trusted-root"
	case signature.KindTampered, signature.KindOtherDigest, signature.KindLog:
		return "somebody put a signature there that was not made for it: do not use the artifact before you know why"
	case signature.KindExpired:
		return "sign it anew, with a log or a timestamp authority, which prove when that was"
	case signature.KindMalformed:
		return "it was damaged, or is none of cosign's: sign the artifact anew"
	case signature.KindTooMany:
		return "too much is attached to find it: sign it again, for the newest are looked at first, or sign a copy in another repository"
	case signature.KindUnmet:
		return "-o json without --where prints what the attestations say"
	}
	return ""
}
