package agent_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/gateway"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
	"github.com/kubectl-oci/kubectl-oci/e2e/sigstore"
)

const pipeline = "https://ci.example.com/org/app/deploy.yaml@refs/heads/main"

// signAs has the plugin sign as somebody who has no key.
func signAs(t *testing.T, s *sigstore.Sigstore, reg *registry.Registry, subject string, p pushed) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(s.Token(t, subject)), 0o600); err != nil {
		t.Fatal(err)
	}
	plugin(t, "sign", reg.Direct+"/app@"+p.Digest, "--identity-token", token, "--fulcio-url", s.FulcioURL, "--rekor-url", s.RekorURL)
}

// signedAs is a spec that trusts whoever the Sigstore's provider vouches for under these names.
func signedAs(reg *registry.Registry, s *sigstore.Sigstore, subjects ...string) v1.OCIRepositorySpec {
	spec := tagged(reg, "app", "v1")
	spec.Interval = often()
	spec.Verify = &v1.Verification{Provider: v1.VerifyCosign}
	for _, subject := range subjects {
		spec.Verify.MatchOIDCIdentity = append(spec.Verify.MatchOIDCIdentity, v1.OIDCIdentityMatch{Issuer: "^" + s.IssuerURL + "$", Subject: subject})
	}
	return spec
}

// Whoever an identity provider vouches for may sign without a key, against a Sigstore of one's own. Any of several identities will do; who
// is none of them, or vouched for by another Sigstore, is refused, and what is advertised goes.
func TestKeyless(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	ours, theirs := sigstore.For(t), sigstore.For(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	spec := signedAs(reg, ours, "^alice@example.com$", "^https://ci.example.com/org/app/.*$")
	spec.Verify.TrustedRootSecretRef = r.root(ours)
	r.create("app", spec)
	r.until("app", failsWith(v1.ReasonVerificationError, "no signature"))
	signAs(t, ours, reg, "mallory@example.com", p)
	r.until("app", failsWith(v1.ReasonVerificationError, `"mallory@example.com"`))
	signAs(t, ours, reg, pipeline, p)
	download(t, r.until("app", exposes(p.revision("v1"))))

	withdrawn := func(says string) {
		t.Helper()
		if o := r.until("app", failsWith(v1.ReasonVerificationError, says)); o.Status.Artifact != nil {
			t.Errorf("still advertised: %s", summary(o))
		}
	}
	r.root(theirs)
	withdrawn("an authority that the trusted root does not name")
	r.root(ours)
	r.until("app", exposes(p.revision("v1")))
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Verify.MatchOIDCIdentity = o.Spec.Verify.MatchOIDCIdentity[:1] })
	withdrawn("alice@example.com")
}

// root makes the Secret with the trusted root of a Sigstore.
func (r *room) root(s *sigstore.Sigstore) *v1.LocalObjectReference {
	r.t.Helper()
	return r.secret("root", corev1.SecretTypeOpaque, "trusted_root.json", string(s.TrustedRoot()))
}

// With --trusted-root no object needs to name a root, and nothing is fetched.
func TestTrustedRootOfTheAgent(t *testing.T) {
	t.Parallel()
	r := newShard(t, "trusted-root")
	reg := registry.For(t, registry.Options{})
	s := sigstore.For(t)
	file := filepath.Join(t.TempDir(), "trusted_root.json")
	if err := os.WriteFile(file, s.TrustedRoot(), 0o600); err != nil {
		t.Fatal(err)
	}
	a := runAgent(t, agentOptions{Shard: r.shard, Args: []string{"--trusted-root=" + file}})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	signAs(t, s, reg, pipeline, p)
	r.create("app", signedAs(reg, s, "^"+pipeline+"$"))
	download(t, r.until("app", exposes(p.revision("v1"))))
	if n := a.metric(t, "oci_agent_verifications_total", `result="verified"`); n != 1 {
		t.Errorf("%v signatures were found", n)
	}
}

// A public root that does not come, by way of the agent's own proxy, keeps nobody waiting who needs none, with however few workers.
func TestPublicRootDoesNotCome(t *testing.T) {
	t.Parallel()
	const host = "tuf-repo-cdn.sigstore.dev"
	r := newShard(t, "no-root")
	way, err := gateway.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(way.Stop)
	way.Route(host, silence(t))
	runAgent(t, agentOptions{Shard: r.shard, Args: []string{"--concurrent=1"}, Env: way.Env()})
	reg := registry.For(t, registry.Options{})
	s, me := sigstore.For(t), newSigner(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	signAs(t, s, reg, pipeline, p)
	me.sign(t, reg, "app", p.descriptor)
	names := []string{"one", "two", "three", "four"}
	for _, name := range names {
		r.create(name, signedAs(reg, s, "^"+pipeline+"$"))
	}
	for _, name := range names {
		o := r.until(name, verified(metav1.ConditionUnknown))
		if says := messageOf(o); !strings.Contains(says, "sigstore's trusted root") || o.Status.Artifact != nil {
			t.Errorf("%s: %s", name, summary(o))
		}
	}
	r.create("by-key", signedBy(reg, r.trusts(me)))
	download(t, r.until("by-key", exposes(p.revision("v1"))))
	if way.Passed(host) != 1 {
		t.Errorf("the root was fetched %d times through the proxy", way.Passed(host))
	}
}

// silence is the address of a server that takes connections and says nothing.
func silence(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}
