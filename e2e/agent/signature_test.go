package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/forge"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// signedObject is an object whose artifact has one cell's signature.
type signedObject struct {
	name string
	by   *agent // who serves it
	reg  *registry.Registry
	made forge.Case
	p    pushed
}

// Whatever is wrong with a signature, the object's condition says exactly that, and nothing is advertised or served; what is good is
// verified in every place, also where several identities are trusted. One agent has all of it to do at the same time.
func TestSignatures(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	f := forge.New(t)
	with, without := registry.For(t, registry.Options{Referrers: true}), registry.For(t, registry.Options{})
	for i, c := range forge.Cells() {
		if c.Excuse() != "" {
			continue
		}
		o := signedObject{name: fmt.Sprintf("cell-%d", i), by: shared, reg: without}
		if c.Place == forge.Referrer {
			o.reg = with
		}
		o.p = push(t, o.reg, o.name, folder("a.yaml", fmt.Sprintf("cell: %d\n", i)), "v1")
		o.made = f.Make(t, c, forge.Repository{Host: o.reg.Direct, Name: o.name}, digest.Digest(o.p.Digest))
		spec := tagged(o.reg, o.name, "v1")
		spec.Verify = r.trusting(o.name, o.made.Trust)
		r.create(o.name, spec)
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			r.judged(t, o)
		})
	}
}

// trusting makes Secrets of whom to trust.
func (r *room) trusting(name string, trust forge.Trust) *v1.Verification {
	r.t.Helper()
	verify := &v1.Verification{Provider: v1.VerifyCosign}
	if n := trust.Notary; n != nil {
		data := map[string]string{"trustpolicy.json": string(n.Policy)}
		for file, certificate := range n.Certificates {
			data[file] = string(certificate)
		}
		return &v1.Verification{Provider: v1.VerifyNotation, SecretRef: r.secretOf(name+"-notation", corev1.SecretTypeOpaque, data)}
	}
	if len(trust.Keys) > 0 {
		keys := map[string]string{}
		for file, key := range trust.Keys {
			keys[file] = string(key)
		}
		verify.SecretRef = r.secretOf(name+"-keys", corev1.SecretTypeOpaque, keys)
	}
	for _, i := range trust.Identities {
		verify.MatchOIDCIdentity = append(verify.MatchOIDCIdentity, v1.OIDCIdentityMatch{Issuer: i.Issuer, Subject: i.Subject})
	}
	if trust.Root != nil {
		verify.TrustedRootSecretRef = r.secretOf(name+"-root", corev1.SecretTypeOpaque, map[string]string{"trusted_root.json": string(trust.Root)})
	}
	return verify
}

// judged waits until the agent has an answer, and holds all of it against what the case says.
func (r *room) judged(t *testing.T, s signedObject) {
	t.Helper()
	var o *v1.OCIRepository
	r.waitIn(t, s.name, s.name+" has an answer about its signature", func() bool {
		if all := r.versions[s.name]; len(all) > 0 {
			o = all[len(all)-1]
		}
		return o != nil && isSettled(o)
	})
	c, revision := condition(o, v1.ConditionSourceVerified), s.p.revision("v1")
	if c == nil {
		t.Fatalf("SourceVerified is missing:\n%s", r.story(s.name))
	}
	if s.made.Reason == "" {
		if c.Status != metav1.ConditionTrue || c.Message != "verified signature of revision "+revision || !exposes(revision).is(o) {
			t.Fatalf("it is good, but:\n%s", r.story(s.name))
		}
		download(t, o)
		return
	}
	want := fmt.Sprintf("verify %q for spec.verify: %s", s.reg.Host+"/"+s.name+"@"+s.p.Digest, s.made.Message)
	if c.Status != metav1.ConditionFalse || c.Reason != v1.ReasonVerificationError || c.Message != want || messageOf(o) != want || isReady(o) {
		t.Errorf("SourceVerified is %s, %s: %s\nReady says: %s\nwant %s", c.Status, c.Reason, c.Message, messageOf(o), want)
	}
	for _, version := range r.history(s.name) {
		if version.Status.Artifact != nil || version.Status.URL != "" {
			t.Fatalf("it was advertised:\n%s", r.story(s.name))
		}
	}
	for _, file := range []string{"latest.tar.gz", digestOf(s.p.layers[0].bytes) + ".tar.gz"} {
		url := strings.Join([]string{"http:/", s.by.Storage, "ocirepository", r.namespace, s.name, file}, "/")
		if !gone(t, url) {
			t.Errorf("%s is served", url)
		}
	}
}

// Thousands of signatures by a stranger, some as large as one may be, are no way to keep an agent busy: what it asks the registry for does not
// depend on how many there are.
func TestFloodOfSignatures(t *testing.T) {
	t.Parallel()
	const most = 160 // requests of a search: two for each of 64 candidates, and what finds them
	r := newShard(t, "flood")
	a := runAgent(t, agentOptions{Shard: "flood"})
	f := forge.New(t)
	for place, size := range map[forge.Place]int{forge.FallbackTag: 1 << 20, forge.OlderTag: 0} {
		name, reg := strings.ReplaceAll(string(place), " ", "-"), registry.For(t, registry.Options{})
		s := signedObject{name: name, by: a, reg: reg, p: push(t, reg, name, folder("a.yaml", name), "v1")}
		s.made = f.Flood(t, place, forge.Repository{Host: reg.Direct, Name: name}, digest.Digest(s.p.Digest), 3000, size)
		spec := tagged(reg, name, "v1")
		spec.Verify = r.trusting(name, s.made.Trust)
		r.create(name, spec)
		r.judged(t, s)
		spent, requests := reg.Proxy.Counts(), 0
		for _, n := range spent.Requests {
			requests += n
		}
		searches := spent.Requests["GET referrers"] // it is looked at again some time after it failed
		if searches == 0 || requests > most*searches || spent.Sent > int64(searches)*64<<20 {
			t.Errorf("%s: %v", name, spent)
		}
	}
}
