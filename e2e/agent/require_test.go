package agent_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/notation"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
	"github.com/kubectl-oci/kubectl-oci/e2e/sigstore"
)

const typeReview = "https://example.com/review/v1"

// shardRequire has an agent whose policy asks for signatures of everything.
const shardRequire = "require"

// attest makes a statement as older versions of cosign do: an envelope under a tag made of the digest, in place of what is there.
func (s signer) attest(t *testing.T, reg *registry.Registry, repository string, what descriptor, predicate string) {
	t.Helper()
	const kind = "application/vnd.in-toto+json"
	payload := fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"","digest":{"sha256":%q}}],"predicateType":%q,"predicate":%s}`,
		strings.TrimPrefix(what.Digest, "sha256:"), typeReview, predicate)
	sum := sha256.Sum256(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload))
	sig, err := ecdsa.SignASN1(rand.Reader, s.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := json.Marshal(map[string]any{
		"payloadType": kind, "payload": base64.StdEncoding.EncodeToString(payload),
		"signatures": []any{map[string]string{"sig": base64.StdEncoding.EncodeToString(sig)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, reg: reg, repository: repository}
	l := d.blob("application/vnd.dsse.envelope.v1+json", envelope)
	l.Annotations = map[string]string{"predicateType": typeReview}
	config := d.blob(typeConfig, []byte(`{}`))
	d.manifest(manifest{SchemaVersion: 2, MediaType: typeManifest, Config: &config, Layers: []descriptor{l}}, strings.Replace(what.Digest, ":", "-", 1)+".att")
}

// requiring is a policy that asks for a signature by a key, and for a review.
func requiring(t *testing.T, by signer) string {
	t.Helper()
	return policyOf(fmt.Sprintf(`- addresses: [loopback]
  verify:
    keys: {platform: %q}
    attestations:
      - {type: %s, where: predicate.approved == true}
`, by.public(t), typeReview))
}

// What the administrator asks for has to be there, all of it, whatever the tenant asks for or has signed; and it is asked for anew when
// the policy changes, without a restart, a change of the object or a poll.
func TestPolicyRequires(t *testing.T) {
	t.Parallel()
	r := newShard(t, shardRequire)
	reg := registry.For(t, registry.Options{})
	platform, tenant, other := newSigner(t), newSigner(t), newSigner(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	a := runAgent(t, agentOptions{Shard: shardRequire, Policy: requiring(t, platform)})
	const rule = `" for rule 1 of the administrator's policy: `

	r.create("app", tagged(reg, "app", "v1"))
	r.until("app", failsWith(v1.ReasonVerificationError, rule+"no signature is attached to it"))
	tenant.sign(t, reg, "app", p.descriptor)
	tenant.attest(t, reg, "app", p.descriptor, `{"approved": true}`)
	keys := r.secretOf("keys", corev1.SecretTypeOpaque, map[string]string{"tenant.pub": tenant.public(t)})
	r.change("app", func(o *v1.OCIRepository) {
		o.Spec.Interval = often()
		o.Spec.Verify = &v1.Verification{Provider: v1.VerifyCosign, SecretRef: keys}
	})
	r.until("app", failsWith(v1.ReasonVerificationError, rule+"signature sha256:"))
	if message := messageOf(r.get("app")); !strings.Contains(message, `by none of the keys "platform"`) || strings.Count(message, `verify "`) != 1 {
		t.Errorf("it says %q", message)
	}

	r.change("app", func(o *v1.OCIRepository) { o.Spec.Verify = nil })
	platform.sign(t, reg, "app", p.descriptor)
	r.until("app", failsWith(v1.ReasonVerificationError, rule+"attestation sha256:"))
	platform.attest(t, reg, "app", p.descriptor, `{"approved": false}`)
	r.until("app", failsWith(v1.ReasonVerificationError, "does not satisfy 'predicate.approved == true'"))
	platform.attest(t, reg, "app", p.descriptor, `{"by": "alice"}`)
	r.until("app", failsWith(v1.ReasonVerificationError, "does not satisfy 'predicate.approved == true': no such key: approved"))
	r.neverAdvertised("app")
	platform.attest(t, reg, "app", p.descriptor, `{"approved": true}`)
	o := r.until("app", exposes(p.revision("v1")))
	if c := condition(o, v1.ConditionSourceVerified); c == nil || c.Status != metav1.ConditionTrue || c.Message != "verified signature of revision "+p.revision("v1") {
		t.Errorf("SourceVerified: %+v", c)
	}
	download(t, o)

	// Now nothing would be polled for an hour.
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Interval = v1.Duration{Duration: time.Hour} })
	served := r.until("app", want{"answered", func(o *v1.OCIRepository) bool { return o.Status.ObservedGeneration == o.Generation && isReady(o) }}).Status
	a.swap(t, strings.Replace(requiring(t, platform), "platform", "platform-of-old", 1))
	a.swap(t, strings.Replace(requiring(t, platform), "predicate.approved", "predicate.", 1))
	r.poll("app")
	if log, err := os.ReadFile(filepath.Join(a.options.Dir, "agent.log")); err != nil || !strings.Contains(string(log), "rule 1: verify: attestation 1: where: parse expression") {
		t.Errorf("the log does not say what is wrong with the policy, %v", err)
	}
	if !isReady(r.get("app")) {
		t.Errorf("a policy that cannot be used counts:\n%s", r.story("app"))
	}
	a.swap(t, requiring(t, other))
	o = r.until("app", failsWith(v1.ReasonVerificationError, rule+"signature sha256:"))
	if o.Status.Artifact != nil {
		t.Errorf("still advertised: %+v", o.Status)
	}
	untilGone(t, served.Artifact.URL)
	untilGone(t, served.URL)
	a.swap(t, requiring(t, platform))
	download(t, r.until("app", exposes(p.revision("v1"))))
}

// neverAdvertised holds an object's whole history to what the policy asks for.
func (r *room) neverAdvertised(name string) {
	r.t.Helper()
	for _, o := range r.history(name) {
		if o.Status.Artifact != nil {
			r.t.Fatalf("advertised without what the policy asks for:\n%s", r.story(name))
		}
	}
}

// Who signs without a key is held against the policy's own root, and is exactly whom it names. A tenant who trusts anybody, and a root of the
// tenant's, satisfies nothing of it.
func TestPolicyRequiresAnIdentity(t *testing.T) {
	t.Parallel()
	r := newShard(t, "require-identity")
	reg := registry.For(t, registry.Options{})
	ours, theirs := sigstore.For(t), sigstore.For(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	runAgent(t, agentOptions{Shard: r.shard, Policy: policyOf(fmt.Sprintf(`- addresses: [loopback]
  verify:
    identities: [{issuer: %q, subject: 'alice@example\.com'}]
    trustedRoot: %q
`, ours.IssuerURL, ours.TrustedRoot()))})
	const rule = `" for rule 1 of the administrator's policy: `
	refused := func(says string) {
		t.Helper()
		o := r.until("app", failsWith(v1.ReasonVerificationError, says))
		if message := messageOf(o); !strings.Contains(message, rule) {
			t.Errorf("it says %q", message)
		}
	}

	signAs(t, theirs, reg, "alice@example.com", p)
	spec := signedAs(reg, theirs)
	spec.Verify.MatchOIDCIdentity = []v1.OIDCIdentityMatch{{Issuer: ".*", Subject: ".*"}}
	spec.Verify.TrustedRootSecretRef = r.root(theirs)
	r.create("app", spec)
	refused("an authority that the trusted root does not name")
	signAs(t, ours, reg, "malice@example.com", p)
	refused(`"malice@example.com"`)
	signAs(t, ours, reg, "alice@example.com.test", p)
	refused(`"alice@example.com.test"`)
	r.neverAdvertised("app")
	signAs(t, ours, reg, "alice@example.com", p)
	download(t, r.until("app", exposes(p.revision("v1"))))
}

// The policy may ask for a signature as the Notary Project's tools make it: a tenant's key is none, nor is what another authority vouches for.
func TestPolicyRequiresNotation(t *testing.T) {
	t.Parallel()
	r := newShard(t, "require-notation")
	reg := registry.For(t, registry.Options{})
	ours, theirs, tenant := newAuthority(t), newAuthority(t), newSigner(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	runAgent(t, agentOptions{Shard: r.shard, Policy: policyOf(fmt.Sprintf(`- addresses: [loopback]
  verify:
    notation:
      trustPolicy: %q
      certificates: {acme: %q}
`, notation.Policy(notation.Identity("alice")), ours.Certificate()))})
	const rule = `" for rule 1 of the administrator's policy: `

	tenant.sign(t, reg, "app", p.descriptor)
	r.create("app", signedBy(reg, r.trusts(tenant)))
	r.until("app", failsWith(v1.ReasonVerificationError, rule+"no Notary Project signature is attached to it"))
	notarize(t, theirs, reg, p.descriptor, notation.Options{})
	r.until("app", failsWith(v1.ReasonVerificationError, `none of the certificates "acme" vouches`))
	notarize(t, ours, reg, p.descriptor, notation.Options{Name: "mallory"})
	r.until("app", failsWith(v1.ReasonVerificationError, `CN=alice"`))
	r.neverAdvertised("app")
	notarize(t, ours, reg, p.descriptor, notation.Options{})
	download(t, r.until("app", exposes(p.revision("v1"))))
}

// What cannot be verified with must not run.
func TestPolicyWithABrokenKeyEndsTheAgent(t *testing.T) {
	t.Parallel()
	a, err := startAgent(soon(t), agentOptions{Dir: t.TempDir(), Shard: "broken-key", Policy: policyOf("- {verify: {keys: {platform: x}}}\n")})
	if err == nil {
		a.Stop()
		t.Fatal("it runs")
	}
	if !strings.Contains(err.Error(), `rule 1: verify: read public key \"platform\"`) {
		t.Errorf("it says %v", err)
	}
}
