package attempt

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

func newPublicKey(t *testing.T) string {
	t.Helper()
	_, public, err := signature.GenerateKeyPair(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(public)
}

// Whose signatures count is what the Secrets say now.
func TestSigners(t *testing.T) {
	t.Parallel()
	one, two := newPublicKey(t), newPublicKey(t)
	who := []v1.OIDCIdentityMatch{{Issuer: "^https://issuer$", Subject: "me"}, {Issuer: "^https://issuer$", Subject: "you"}}
	identities := []signature.Identity{{Issuer: "^https://issuer$", Subject: "me"}, {Issuer: "^https://issuer$", Subject: "you"}}
	r := meansIn(
		secretWith("keys", corev1.SecretTypeOpaque, "one.pub", one, "two.pub", two, "README", "not a key"),
		secretWith("text", corev1.SecretTypeOpaque, "cosign.pub", "not a key"),
		secretWith("empty", corev1.SecretTypeOpaque, "cosign.key", one),
		secretWith("root", corev1.SecretTypeOpaque, "trusted_root.json", "{"),
	)
	for name, tc := range map[string]struct {
		verify   *v1.Verification
		want     signature.Trust // where says is empty
		says     string
		terminal bool
	}{
		"nobody":            {},
		"keys":              {verify: &v1.Verification{SecretRef: ref("keys")}, want: signature.Trust{Keys: map[string][]byte{"one.pub": []byte(one), "two.pub": []byte(two)}}},
		"keys alone":        {verify: &v1.Verification{SecretRef: ref("keys"), MatchOIDCIdentity: who}, want: signature.Trust{Keys: map[string][]byte{"one.pub": []byte(one), "two.pub": []byte(two)}}},
		"identities":        {verify: &v1.Verification{MatchOIDCIdentity: who}, want: signature.Trust{Identities: identities}},
		"no Secret":         {verify: &v1.Verification{SecretRef: ref("none")}, says: `read spec.verify: read secret "apps/none": there is none`},
		"no key":            {verify: &v1.Verification{SecretRef: ref("empty")}, says: `read spec.verify: read secret "apps/empty": it has no public key *.pub, but cosign.key`},
		"no such key":       {verify: &v1.Verification{SecretRef: ref("text")}, says: `read public key "cosign.pub"`},
		"anyone":            {verify: &v1.Verification{}, says: "it has neither secretRef nor matchOIDCIdentity: name who may sign, for anyone is no answer", terminal: true},
		"no expression":     {verify: &v1.Verification{MatchOIDCIdentity: []v1.OIDCIdentityMatch{{Issuer: "(", Subject: "me"}}}, says: "read issuer of identity", terminal: true},
		"no trusted root":   {verify: &v1.Verification{MatchOIDCIdentity: who, TrustedRootSecretRef: ref("keys")}, says: `it has no trusted_root.json, but README, one.pub, two.pub`},
		"no root's Secret":  {verify: &v1.Verification{MatchOIDCIdentity: who, TrustedRootSecretRef: ref("none")}, says: "there is none"},
		"no name":           {verify: &v1.Verification{SecretRef: ref("")}, says: `secretRef.name is "": no secret can have that name`, terminal: true},
		"a path":            {verify: &v1.Verification{SecretRef: ref("a/b")}, says: `secretRef.name is "a/b": no secret can have that name`, terminal: true},
		"root's name":       {verify: &v1.Verification{MatchOIDCIdentity: who, TrustedRootSecretRef: ref("..")}, says: `trustedRootSecretRef.name is ".."`, terminal: true},
		"root is not right": {verify: &v1.Verification{MatchOIDCIdentity: who, TrustedRootSecretRef: ref("root")}, says: "read trusted root"},
	} {
		got, err := r.signers(t.Context(), objectWith(v1.OCIRepositorySpec{Verify: tc.verify}))
		if tc.says != "" {
			checkUntrusted(t, name, err, tc.says, tc.terminal)
			continue
		}
		if err != nil || (got == nil) != (tc.verify == nil) {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		if got == nil {
			continue
		}
		want, err := signature.NewPolicy(tc.want)
		if err != nil || got.Fingerprint() != want.Fingerprint() {
			t.Errorf("%s: others are trusted, %v", name, err)
		}
	}
}

func checkUntrusted(t *testing.T, name string, err error, says string, terminal bool) {
	t.Helper()
	failure, ok := errors.AsType[*source.Error](err)
	if !ok || failure.Condition != v1.ConditionSourceVerified || failure.Reason != v1.ReasonVerificationError ||
		!failure.Withdraws || failure.Unknown || failure.Terminal != terminal || !strings.Contains(failure.Error(), says) {
		t.Errorf("%s: %+v", name, err)
	}
}

// silent is an API server that does not answer.
type silent struct{ Objects }

func (silent) Secret(context.Context, string, string) (*corev1.Secret, error) {
	return nil, errors.New("API server away")
}

// A Secret that could not be read is no verdict.
func TestSignersOutOfReach(t *testing.T) {
	t.Parallel()
	_, err := (&Means{Objects: silent{}}).signers(t.Context(), objectWith(v1.OCIRepositorySpec{Verify: &v1.Verification{SecretRef: ref("keys")}}))
	if failure, ok := errors.AsType[*source.Error](err); !ok || failure.Withdraws || !failure.Unknown || failure.Terminal {
		t.Errorf("got %+v", err)
	}
}
