package controller

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
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
	r := reconcilerIn(
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
type silent struct{ client.Reader }

func (silent) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("API server away")
}

// A Secret that could not be read is no verdict.
func TestSignersOutOfReach(t *testing.T) {
	t.Parallel()
	_, err := (&Reconciler{Live: silent{}}).signers(t.Context(), objectWith(v1.OCIRepositorySpec{Verify: &v1.Verification{SecretRef: ref("keys")}}))
	if failure, ok := errors.AsType[*source.Error](err); !ok || failure.Withdraws || !failure.Unknown || failure.Terminal {
		t.Errorf("got %+v", err)
	}
}

// Who is asked for a signature is looked at in time, also where nothing else would be tried again.
func TestVerifiedAgain(t *testing.T) {
	t.Parallel()
	object, empty := advertising(1), newObject(1)
	signed, unsure, plain := terms{requirements: make([]signature.Requirement, 1)}, terms{unread: &source.Error{}}, terms{}
	for name, tc := range map[string]struct {
		object               *v1.OCIRepository
		terms                terms
		wait, interval, want time.Duration
	}{
		"soon anyway":  {object, signed, time.Minute, time.Hour, time.Minute},
		"late":         {object, signed, 2 * time.Hour, time.Hour, time.Hour},
		"stalled":      {object, signed, 0, time.Hour, time.Hour},
		"not known":    {object, unsure, 0, time.Hour, time.Hour},
		"not set":      {object, signed, 0, 0, 0},
		"not asked":    {object, plain, 0, time.Hour, 0},
		"not there":    {empty, signed, 0, time.Hour, 0},
		"not so often": {object, plain, 2 * time.Hour, time.Hour, 2 * time.Hour},
	} {
		if got := (&Reconciler{VerifyInterval: tc.interval}).verifiedAgain(tc.object, tc.terms, tc.wait); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// answering is a source that answers every request alike, and notes them.
type answering struct {
	err error
	got *[]source.Request
}

func (a answering) Run(_ context.Context, req source.Request) (source.Result, error) {
	*a.got = append(*a.got, req)
	if req.Barred != nil {
		return source.Result{}, req.Barred
	}
	return source.Result{}, a.err
}

// Windows that cannot be read let nothing pass, and keep nothing that has lost its signature.
func TestUnreadableWindowKeepsNothingUnsigned(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"signed":      {nil, v1.ReasonWindowInvalid},
		"away":        {&source.Error{Condition: v1.ConditionSourceVerified, Reason: v1.ReasonVerificationError, Unknown: true, Err: errors.New("away")}, v1.ReasonWindowInvalid},
		"signed once": {&source.Error{Condition: v1.ConditionSourceVerified, Reason: v1.ReasonVerificationError, Withdraws: true, Err: errors.New("no")}, v1.ReasonVerificationError},
	} {
		r := reconcilerIn(secretWith("keys", corev1.SecretTypeOpaque, "cosign.pub", newPublicKey(t)))
		var got []source.Request
		r.Source = answering{tc.err, &got}
		object := advertising(1)
		object.Spec.URL, object.Spec.Verify = "oci://ghcr.io/org/app", &v1.Verification{SecretRef: ref("keys")}
		object.Annotations = map[string]string{v1.AnnotationWindow: "?"}
		found := r.run(t.Context(), object)
		if found.failure == nil || found.failure.Reason != tc.want {
			t.Errorf("%s: %+v", name, found.failure)
		}
		if len(got) != 1 || !got[0].Hold || len(got[0].Requirements) != 1 {
			t.Errorf("%s: asked %+v", name, got)
		}
	}
}

// What is to be put back has to be signed, too: where nobody is trusted no registry is asked, and that is no word on what is advertised.
func TestRefillNeedsSigners(t *testing.T) {
	t.Parallel()
	object := advertising(1)
	object.Spec.URL, object.Spec.Verify = "oci://ghcr.io/org/app", &v1.Verification{SecretRef: ref("keys")}
	for name, keys := range map[string][]client.Object{"none": nil, "some": {secretWith("keys", corev1.SecretTypeOpaque, "cosign.pub", newPublicKey(t))}} {
		var asked *source.Request
		f := &Refill{Reconciler: reconcilerIn(keys...), Source: origin{
			func(context.Context, store.Key, source.Advertised) error { return fs.ErrNotExist },
			func(req source.Request) error { asked = &req; return nil },
		}}
		err := f.restore(t.Context(), object)
		if there := keys != nil; there != (err == nil) || there != (asked != nil) || there && len(asked.Requirements) != 1 || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, asked %+v", name, err, asked)
		}
	}
}
