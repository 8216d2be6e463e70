package agent_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

func (r *room) account(name string, pullSecrets ...string) {
	r.t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: name}}
	for _, secret := range pullSecrets {
		account.ImagePullSecrets = append(account.ImagePullSecrets, corev1.LocalObjectReference{Name: secret})
	}
	r.put(account)
}

// The pull secrets of a ServiceAccount, after the object's own: the first one that the registry accepts.
func TestServiceAccount(t *testing.T) {
	t.Parallel()
	eachAuth(t, func(t *testing.T, r *room, reg *registry.Registry) {
		p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
		r.pullSecret("first", reg.Host, "mallory", "wr0ng")
		r.pullSecret("elsewhere", "quay.io", "x", "y")
		r.account("puller", "first", "elsewhere", "second")
		spec := private(reg, nil)
		spec.ServiceAccountName, spec.Interval = "puller", often()
		r.create("app", spec)
		r.until("app", failsWith(v1.ReasonAuthenticationFailed, `/second": there is none`))
		r.pullSecret("second", reg.Host, alice.Name, "wr0ng")
		r.until("app", failsWith(v1.ReasonAuthenticationFailed,
			fmt.Sprintf(`asked as user "mallory", then as user "alice" (from secret "%s/first", then secret "%s/second")`, r.namespace, r.namespace)))
		r.pullSecret("second", reg.Host, alice.Name, alice.Password)
		r.until("app", exposes(p.revision("v1")))

		spec.ServiceAccountName = "nobody"
		r.create("nobody", spec)
		r.until("nobody", failsWith(v1.ReasonAuthenticationFailed, fmt.Sprintf(`read service account "%s/nobody": there is none`, r.namespace)))
		r.account("nobody")
		r.until("nobody", failsWith(v1.ReasonAuthenticationFailed, "asked without a credential"))
		r.account("nobody", "second")
		r.until("nobody", exposes(p.revision("v1")))
		for _, name := range []string{"app", "nobody"} {
			for _, secret := range []string{"wr0ng", alice.Password} {
				if story := r.story(name); strings.Contains(story, secret) {
					t.Errorf("%q is told in\n%s", secret, story)
				}
			}
		}
	})
}

// The object's own Secret comes first, and the account's counts where that one does not suffice.
func TestSecretAndServiceAccount(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{Auth: registry.Token, Users: []registry.User{alice}})
	p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
	r.pullSecret("right", reg.Host, alice.Name, alice.Password)
	r.account("puller", "right")
	spec := private(reg, r.pullSecret("wrong", reg.Host, "mallory", "wr0ng"))
	spec.ServiceAccountName = "puller"
	r.create("app", spec)
	r.until("app", exposes(p.revision("v1")))
	before := reg.Proxy.Counts()
	r.poll("app")
	if spent := reg.Proxy.Counts().Sub(before).Requests; len(spent) != 1 || spent["HEAD manifest"] != 1 {
		t.Errorf("the next poll sends %v: what was accepted is remembered", spent)
	}
}

// With the component, a Secret or ServiceAccount that changes counts at once, however long the interval is, and with no right but the
// component's.
func TestSecretsAreWatched(t *testing.T) {
	t.Parallel()
	r := newShard(t, "watching")
	runAgent(t, agentOptions{Shard: "watching", Token: installWith(t, "watch-secrets"), Args: []string{"--watch-secrets"}})
	reg := registry.For(t, registry.Options{Auth: registry.Token, TLS: true, Users: []registry.User{alice}})
	p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
	spec := private(reg, r.pullSecret("own", reg.Host, alice.Name, alice.Password))
	spec.CertSecretRef = r.secretOf("certs", corev1.SecretTypeOpaque, map[string]string{"ca.crt": string(reg.CA)})
	r.create("by-secret", spec)
	spec.SecretRef, spec.ServiceAccountName = nil, "puller"
	r.account("puller", "second")
	r.pullSecret("second", reg.Host, alice.Name, alice.Password)
	r.create("by-account", spec)
	for _, name := range []string{"by-secret", "by-account"} {
		r.until(name, exposes(p.revision("v1")))
	}
	refused, accepted := fails(v1.ReasonAuthenticationFailed), exposes(p.revision("v1"))
	steps := []struct {
		change func()
		object string
		want   want
	}{
		{func() { r.pullSecret("own", reg.Host, alice.Name, "wr0ng") }, "by-secret", refused},
		{func() { r.pullSecret("own", reg.Host, alice.Name, alice.Password) }, "by-secret", accepted},
		{func() { r.pullSecret("second", reg.Host, alice.Name, "wr0ng") }, "by-account", refused},
		{func() { r.account("puller", "own") }, "by-account", accepted},
		{func() { r.account("puller") }, "by-account", refused},
	}
	for i, step := range steps {
		step.change()
		t.Logf("step %d", i)
		r.until(step.object, step.want)
	}
	r.secretOf("certs", corev1.SecretTypeOpaque, map[string]string{"ca.crt": "none"})
	r.until("by-secret", failsWith(v1.ReasonAuthenticationFailed, "no certificate in PEM form"))
}
