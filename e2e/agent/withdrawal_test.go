package agent_test

import (
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// trusts makes the Secret with the one key that counts.
func (r *room) trusts(s signer) *v1.LocalObjectReference {
	r.t.Helper()
	return r.secret("keys", corev1.SecretTypeOpaque, "cosign.pub", s.public(r.t))
}

// What lost its signature is had from no replica any more, nor what it was replaced by later, however long others may be downloaded after
// they were replaced. And it does not come back by a restart.
func TestWithdrawalIsEverywhere(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "withdrawal", 2)
	f.flags = []string{"--artifact-retention-ttl=1h"}
	reg := registry.For(t, registry.Options{})
	me, you := newSigner(t), newSigner(t)
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	me.sign(t, reg, "app", first.descriptor)
	both := []*agent{f.start(0)}
	spec := signedBy(reg, f.trusts(me))
	spec.Interval.Duration = time.Hour
	f.create("app", spec)
	was := f.until("app", exposes(first.revision("v1"))).Status.Artifact
	both = append(both, f.start(1))
	untilAnswer(t, both, was.Path, http.StatusOK)

	t.Log("the key is replaced, and what is pushed has the new one's signature")
	next := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1")
	you.sign(t, reg, "app", next.descriptor)
	f.trusts(you)
	f.ask("app")
	now := f.until("app", exposes(next.revision("v1"))).Status.Artifact
	untilAnswer(t, both, was.Path, http.StatusNotFound)
	untilAnswer(t, both, now.Path, http.StatusOK)

	t.Log("a push that replaces a good one leaves that one for whoever is late")
	third := push(t, reg, "app", folder("a.yaml", "a: 3\n"), "v1")
	you.sign(t, reg, "app", third.descriptor)
	f.ask("app")
	last := f.until("app", exposes(third.revision("v1"))).Status.Artifact
	untilAnswer(t, both, last.Path, http.StatusOK)
	untilAnswer(t, both, now.Path, http.StatusOK)

	t.Log("the key is revoked: nothing is left, not even of what was replaced")
	f.trusts(me)
	f.ask("app")
	if o := f.until("app", failsWith(v1.ReasonVerificationError, "none of the keys")); o.Status.Artifact != nil {
		t.Errorf("still advertised: %s", summary(o))
	}
	for _, path := range []string{now.Path, last.Path, "ocirepository/" + f.namespace + "/app/latest.tar.gz"} {
		untilAnswer(t, both, path, http.StatusNotFound)
	}

	t.Log("what is suspended stays, but nobody who has lost it fetches it again without its signature")
	f.trusts(you)
	f.ask("app")
	f.until("app", exposes(third.revision("v1")))
	untilAnswer(t, both, last.Path, http.StatusOK)
	f.change("app", func(o *v1.OCIRepository) { o.Spec.Suspend = true })
	f.trusts(me)
	f.crash(both[0])
	f.crash(both[1])
	both = f.again(both...)
	untilAnswer(t, both, last.Path, http.StatusServiceUnavailable)
	f.trusts(you)
	untilAnswer(t, both, last.Path, http.StatusOK)
}

// untilAnswer waits until each replica by itself answers with this status: nobody tells.
func untilAnswer(t *testing.T, replicas []*agent, path string, status int) {
	t.Helper()
	ctx := soon(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n, a := range replicas {
		for {
			resp, _ := get(t, "http://"+a.Storage+"/"+path)
			if resp.StatusCode == status {
				break
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatalf("replica %d answers %s for %s, want %d", n, resp.Status, path, status)
			}
		}
	}
}

// A signature that is taken away is missed after --verify-interval, though nothing changed in the cluster.
func TestSignatureIsTakenAway(t *testing.T) {
	t.Parallel()
	r := newShard(t, "taken-away")
	runAgent(t, agentOptions{Shard: r.shard, Args: []string{"--verify-interval=1s"}})
	reg := registry.For(t, registry.Options{})
	me := newSigner(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	signature := me.sign(t, reg, "app", p.descriptor)
	spec := signedBy(reg, r.trusts(me))
	spec.Interval.Duration = time.Hour
	r.create("app", spec)
	served := r.until("app", exposes(p.revision("v1"))).Status
	deleteManifest(t, reg, "app", signature.Digest)
	if o := r.until("app", failsWith(v1.ReasonVerificationError, "no signature is attached to it; what was advertised is withdrawn")); o.Status.Artifact != nil {
		t.Errorf("still advertised: %s", summary(o))
	}
	untilGone(t, served.Artifact.URL)
	me.sign(t, reg, "app", p.descriptor)
	r.ask("app")
	download(t, r.until("app", exposes(p.revision("v1"))))
}

// With the component, a key that changes, goes or comes counts at once, however long the interval is.
func TestKeysAreWatched(t *testing.T) {
	t.Parallel()
	r := newShard(t, "keys-watched")
	runAgent(t, agentOptions{Shard: r.shard, Token: installWith(t, "watch-secrets"), Args: []string{"--watch-secrets"}})
	reg := registry.For(t, registry.Options{})
	me, you := newSigner(t), newSigner(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	me.sign(t, reg, "app", p.descriptor)
	spec := signedBy(reg, r.trusts(me))
	spec.Interval.Duration = time.Hour
	r.create("app", spec)
	r.until("app", exposes(p.revision("v1")))
	withdrawn := func(says string) {
		t.Helper()
		if o := r.until("app", failsWith(v1.ReasonVerificationError, says)); o.Status.Artifact != nil {
			t.Errorf("still advertised: %s", summary(o))
		}
	}
	r.trusts(you)
	withdrawn("none of the keys")
	r.trusts(me)
	r.until("app", exposes(p.revision("v1")))
	if err := control.admin.Delete(soon(t), r.secretNamed("keys")); err != nil {
		t.Fatal(err)
	}
	withdrawn(`keys": there is none`)
	r.trusts(me)
	download(t, r.until("app", exposes(p.revision("v1"))))
}

// What keeps the agent from the registry hides nothing that is known of the signature. What is not known any more is said to be so, and
// decided when the registry can be asked again.
func TestNoWayToTheEvidence(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{Auth: registry.Token, Users: []registry.User{alice}})
	me, you := newSigner(t), newSigner(t)
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	me.sign(t, reg, "app", p.descriptor)
	spec := signedBy(reg, r.trusts(me))
	spec.SecretRef = r.pullSecret("regcred", reg.Host, alice.Name, alice.Password)
	r.create("app", spec)
	r.until("app", exposes(p.revision("v1")))
	if err := control.admin.Delete(soon(t), r.secretNamed("regcred")); err != nil {
		t.Fatal(err)
	}
	refused := failsWith(v1.ReasonAuthenticationFailed, `regcred": there is none`)
	o := r.until("app", refused)
	if c := condition(o, v1.ConditionSourceVerified); c == nil || c.Message != "verified signature of revision "+p.revision("v1") || c.Status != metav1.ConditionTrue {
		t.Errorf("SourceVerified: %+v", c)
	}
	r.trusts(you)
	o = r.until("app", verified(metav1.ConditionUnknown))
	if !refused.is(o) || o.Status.Artifact == nil {
		t.Errorf("got %s", summary(o))
	}
	download(t, o)
	r.pullSecret("regcred", reg.Host, alice.Name, alice.Password)
	o = r.until("app", failsWith(v1.ReasonVerificationError, "none of the keys"))
	if o.Status.Artifact != nil {
		t.Errorf("still advertised: %s", summary(o))
	}
	r.change("app", func(o *v1.OCIRepository) { o.Spec.SecretRef = &v1.LocalObjectReference{Name: "missing"} })
	o = r.until("app", fails(v1.ReasonAuthenticationFailed))
	if c := condition(o, v1.ConditionSourceVerified); c != nil {
		t.Errorf("SourceVerified of nothing: %+v", c)
	}
}
