package agent_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// signer has a key, and signs as older versions of cosign do: a text about a digest, under a tag made of the digest.
type signer struct{ key *ecdsa.PrivateKey }

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key}
}

func (s signer) public(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// sign returns where the signature is.
func (s signer) sign(t *testing.T, reg *registry.Registry, repository string, what descriptor) descriptor {
	t.Helper()
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, what.Digest)
	sum := sha256.Sum256(payload)
	sig, err := ecdsa.SignASN1(rand.Reader, s.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, reg: reg, repository: repository}
	l := d.blob("application/vnd.dev.cosign.simplesigning.v1+json", payload)
	l.Annotations = map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(sig)}
	config := d.blob(typeConfig, []byte(`{}`))
	return d.manifest(manifest{SchemaVersion: 2, MediaType: typeManifest, Config: &config, Layers: []descriptor{l}}, strings.Replace(what.Digest, ":", "-", 1)+".sig")
}

// signedBy is a spec that trusts the keys of a Secret.
func signedBy(reg *registry.Registry, secret *v1.LocalObjectReference) v1.OCIRepositorySpec {
	spec := tagged(reg, "app", "v1")
	spec.Interval = often()
	spec.Verify = &v1.Verification{Provider: v1.VerifyCosign, SecretRef: secret}
	return spec
}

// verified is an object that has an answer about signatures.
func verified(status metav1.ConditionStatus) want {
	return want{"SourceVerified=" + string(status), func(o *v1.OCIRepository) bool {
		c := condition(o, v1.ConditionSourceVerified)
		return c != nil && c.Status == status
	}}
}

// What is not signed, or by somebody else, is never advertised; the message says which, and the right signature is enough, also one that
// comes after its artifact.
func TestVerify(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	me, other := newSigner(t), newSigner(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", signedBy(reg, &v1.LocalObjectReference{Name: "keys"}))
	r.until("app", failsWith(v1.ReasonVerificationError, `keys": there is none`))
	r.secretOf("keys", corev1.SecretTypeOpaque, map[string]string{"key": me.public(t)})
	r.until("app", failsWith(v1.ReasonVerificationError, "it has no public key *.pub, but key"))
	r.secret("keys", corev1.SecretTypeOpaque, "cosign.pub", me.public(t))
	r.until("app", failsWith(v1.ReasonVerificationError, "no signature"))
	other.sign(t, reg, "app", p.descriptor)
	r.until("app", failsWith(v1.ReasonVerificationError, `none of the keys "cosign.pub"`))
	for _, o := range r.history("app") {
		if o.Status.Artifact != nil {
			t.Fatalf("advertised without a signature:\n%s", r.story("app"))
		}
	}
	me.sign(t, reg, "app", p.descriptor)
	o := r.until("app", exposes(p.revision("v1")))
	if c := condition(o, v1.ConditionSourceVerified); c == nil || c.Message != "verified signature of revision "+p.revision("v1") {
		t.Errorf("SourceVerified: %+v", c)
	}
	download(t, o)

	next := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1")
	o = r.until("app", failsWith(v1.ReasonVerificationError, "no signature"))
	if o.Status.Artifact == nil || o.Status.Artifact.Revision != p.revision("v1") {
		t.Fatalf("a push without a signature takes away what has one:\n%s", r.story("app"))
	}
	download(t, o)
	me.sign(t, reg, "app", next.descriptor)
	r.until("app", exposes(next.revision("v1")))
}

// Who loses trust loses what is advertised, without a change of the object.
func TestKeyIsReplaced(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	me, other := newSigner(t), newSigner(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	me.sign(t, reg, "app", p.descriptor)
	keys := r.secretOf("keys", corev1.SecretTypeOpaque, map[string]string{"cosign.pub": me.public(t)})
	r.create("app", signedBy(reg, keys))
	served := r.until("app", exposes(p.revision("v1"))).Status
	r.secret("keys", corev1.SecretTypeOpaque, "cosign.pub", other.public(t))
	o := r.until("app", failsWith(v1.ReasonVerificationError, "none of the keys"))
	if o.Status.Artifact != nil || o.Status.URL != "" || o.Generation != 1 {
		t.Errorf("still advertised: %+v", o.Status)
	}
	untilGone(t, served.Artifact.URL)
	untilGone(t, served.URL)
	r.untilEvent("app", "Warning", v1.ReasonVerificationError, nil)
	r.secret("keys", corev1.SecretTypeOpaque, "cosign.pub", me.public(t))
	download(t, r.until("app", exposes(p.revision("v1"))))
}

// A registry that is away is no reason to take anything away, however long ago it was verified.
func TestEvidenceIsOutOfReach(t *testing.T) {
	t.Parallel()
	r := newShard(t, "evidence")
	runAgent(t, agentOptions{Shard: "evidence", Args: []string{"--verify-interval=1s"}})
	reg := registry.For(t, registry.Options{})
	me := newSigner(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	me.sign(t, reg, "app", p.descriptor)
	r.create("app", signedBy(reg, r.secretOf("keys", corev1.SecretTypeOpaque, map[string]string{"cosign.pub": me.public(t)})))
	r.until("app", exposes(p.revision("v1")))
	away := reg.Proxy.During(t, proxy.Fault{Status: http.StatusServiceUnavailable})
	o := r.until("app", verified(metav1.ConditionUnknown))
	if o.Status.Artifact == nil {
		t.Fatalf("withdrawn:\n%s", r.story("app"))
	}
	download(t, o)
	away.Remove()
	r.until("app", verified(metav1.ConditionTrue))
}
