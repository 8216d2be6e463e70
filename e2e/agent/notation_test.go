package agent_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/notation"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

func newAuthority(t *testing.T) *notation.Authority {
	t.Helper()
	a, err := notation.NewAuthority("acme")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func notarize(t *testing.T, a *notation.Authority, reg *registry.Registry, what descriptor, o notation.Options) {
	t.Helper()
	if err := a.Sign(t.Context(), reg.Direct+"/app@"+what.Digest, o); err != nil {
		t.Fatal(err)
	}
}

// notarized is a spec that trusts whom the Secret's trust policy names.
func notarized(reg *registry.Registry, secret string) v1.OCIRepositorySpec {
	spec := tagged(reg, "app", "v1")
	spec.Interval = often()
	spec.Verify = &v1.Verification{Provider: v1.VerifyNotation, SecretRef: &v1.LocalObjectReference{Name: secret}}
	return spec
}

// Who signs with notation is held against the Secret's trust policy: what is not signed so is never advertised, the message says why not, and
// who loses trust loses what is advertised.
func TestNotation(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	mine, other := newAuthority(t), newAuthority(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", notarized(reg, "trust"))
	r.until("app", failsWith(v1.ReasonVerificationError, `trust": there is none`))
	trust := map[string]string{"trustpolicy.json": string(notation.Policy(notation.Identity("alice")))}
	r.secretOf("trust", corev1.SecretTypeOpaque, trust)
	r.until("app", failsWith(v1.ReasonVerificationError, "it has no certificate *.crt or *.pem, but trustpolicy.json"))
	r.secret("trust", corev1.SecretTypeOpaque, "ca.crt", string(mine.Certificate()))
	r.until("app", failsWith(v1.ReasonVerificationError, "it has no trustpolicy.json, but ca.crt"))
	trust["ca.crt"] = string(mine.Certificate())
	r.secretOf("trust", corev1.SecretTypeOpaque, trust)
	r.until("app", failsWith(v1.ReasonVerificationError, "no Notary Project signature is attached to it"))
	newSigner(t).sign(t, reg, "app", p.descriptor)
	notarize(t, other, reg, p.descriptor, notation.Options{})
	r.until("app", failsWith(v1.ReasonVerificationError, `none of the certificates "ca.crt" vouches`))
	notarize(t, mine, reg, p.descriptor, notation.Options{Name: "mallory", COSE: true})
	r.until("app", failsWith(v1.ReasonVerificationError, `but wanted is "x509.subject:C=DE,ST=Berlin,O=Example,CN=alice"`))
	for _, o := range r.history("app") {
		if o.Status.Artifact != nil {
			t.Fatalf("advertised without a signature:\n%s", r.story("app"))
		}
	}
	notarize(t, mine, reg, p.descriptor, notation.Options{})
	o := r.until("app", exposes(p.revision("v1")))
	if c := condition(o, v1.ConditionSourceVerified); c == nil || c.Message != "verified signature of revision "+p.revision("v1") {
		t.Errorf("SourceVerified: %+v", c)
	}
	download(t, o)

	trust["trustpolicy.json"] = string(notation.Policy(notation.Identity("carol")))
	r.secretOf("trust", corev1.SecretTypeOpaque, trust)
	o = r.until("app", failsWith(v1.ReasonVerificationError, "CN=carol"))
	if o.Status.Artifact != nil {
		t.Errorf("still advertised: %+v", o.Status.Artifact)
	}
}

// What no Secret can mend stalls, and asks no registry.
func TestNotationMistaken(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	spec := notarized(reg, "trust")
	spec.Verify.SecretRef = nil
	r.create("nobody", spec)
	spec = notarized(reg, "trust")
	spec.Verify.MatchOIDCIdentity = []v1.OIDCIdentityMatch{{Issuer: "^https://issuer$", Subject: "^me$"}}
	r.create("identities", spec)
	for name, says := range map[string]string{"nobody": "it has no secretRef", "identities": "matchOIDCIdentity is of cosign alone"} {
		o := r.until(name, failsWith(v1.ReasonVerificationError, says))
		if condition(o, v1.ConditionStalled) == nil {
			t.Errorf("%s is not stalled:\n%s", name, r.story(name))
		}
	}
	if n := reg.Proxy.Counts().Of("", ""); n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
}
