package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// Whatever is the matter with a signature, there is something to do about it, and no two things are the same.
func TestEveryKindHasAHint(t *testing.T) {
	t.Parallel()
	verify := newVerifyCommand(genericiooptions.IOStreams{})
	seen := map[string]signature.Kind{}
	for kind := signature.KindMissing; kind.String() != fmt.Sprintf("Kind(%d)", kind); kind++ {
		hint := hintFor(&registryError{err: &signature.Error{Kind: kind, Reason: "verify"}}, verify)
		if hint == "" {
			t.Errorf("%s has no hint", kind)
		}
		other, same := seen[hint]
		suspicious := kind == signature.KindTampered || kind == signature.KindOtherDigest || kind == signature.KindLog
		if same && !suspicious {
			t.Errorf("%s has the hint of %s", kind, other)
		}
		seen[hint] = kind
	}
	if len(seen) < 9 {
		t.Errorf("only %d hints", len(seen))
	}
}

// An error that names a key or a service never ends in a hint about a registry.
func TestHintsOfKeysAndServices(t *testing.T) {
	t.Parallel()
	sign := newSignCommand(genericiooptions.IOStreams{})
	for want, err := range map[string]error{
		"sigstore-kms-drawer":      &keyError{"drawer://x", false, noServiceError("drawer")},
		"COSIGN_PASSWORD":          &keyError{"cosign.key", false, fmt.Errorf("read private key: %w", signature.ErrPassword)},
		"comes from whoever signs": &keyError{"nosuch.pub", true, os.ErrNotExist},
		"keygen makes a key pair":  &keyError{"nosuch.key", false, os.ErrNotExist},
		"its own tools":            &keyError{"hashivault://x", false, fmt.Errorf("denied")},
		"the transparency log":     &registryError{err: fmt.Errorf("sign: %w", &signature.ServiceError{Service: "transparency log", Err: fmt.Errorf("refused")})},
		"--yes":                    fmt.Errorf("sign as x: %w", errNotAgreed),
		"--no-browser":             errNobody,
		"sign --help":              usageError{fmt.Errorf("wrong")},
	} {
		if hint := hintFor(err, sign); !strings.Contains(hint, want) {
			t.Errorf("%v: got hint %q, want %q", err, hint, want)
		}
	}
}
