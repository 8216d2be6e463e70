package agent_test

import (
	"crypto/tls"
	"fmt"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/gateway"
	"github.com/kubectl-oci/kubectl-oci/e2e/loopback"
	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// secretOf makes a Secret, or replaces what is in it.
func (r *room) secretOf(name string, kind corev1.SecretType, data map[string]string) *v1.LocalObjectReference {
	r.t.Helper()
	secret := r.secretNamed(name)
	secret.Type, secret.StringData = kind, data
	r.put(secret)
	return &v1.LocalObjectReference{Name: name}
}

// put makes an object that is no OCIRepository, or replaces it.
func (r *room) put(object client.Object) {
	r.t.Helper()
	err := control.admin.Create(soon(r.t), object)
	if err != nil && strings.Contains(err.Error(), "already exists") {
		err = control.admin.Update(soon(r.t), object)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) account(name string, pullSecrets ...string) {
	r.t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: name}}
	for _, secret := range pullSecrets {
		account.ImagePullSecrets = append(account.ImagePullSecrets, corev1.LocalObjectReference{Name: secret})
	}
	r.put(account)
}

// failsWith is fails with a text in its message.
func failsWith(reason, text string) want {
	return want{reason + " with " + text, func(o *v1.OCIRepository) bool {
		return fails(reason).is(o) && strings.Contains(messageOf(o), text)
	}}
}

// A registry whose certificate nobody else vouches for, with each kind of Secret that can hold its authority.
func TestAuthorityOfTheObject(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{TLS: true, HTTP2: true})
	p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
	client := clientCertificate(t)
	for name, secret := range map[string]*v1.LocalObjectReference{
		"opaque": r.secretOf("opaque", corev1.SecretTypeOpaque, map[string]string{"ca.crt": string(reg.CA)}),
		"tls":    r.secretOf("tls", corev1.SecretTypeTLS, map[string]string{"ca.crt": string(reg.CA), "tls.crt": string(client.Cert), "tls.key": string(client.Key)}),
		"old":    r.secretOf("old", corev1.SecretTypeOpaque, map[string]string{"caFile": string(reg.CA)}),
	} {
		spec := tagged(reg, "org/app", "v1")
		spec.CertSecretRef = secret
		r.create(name, spec)
		r.until(name, exposes(p.revision("v1")))
	}
	// spec.insecure does not mean any certificate where the object says whom to trust.
	other, err := pki.NewCA("another")
	if err != nil {
		t.Fatal(err)
	}
	spec := tagged(reg, "org/app", "v1")
	spec.CertSecretRef, spec.Insecure = r.secretOf("other", corev1.SecretTypeOpaque, map[string]string{"ca.crt": string(other.Cert)}), true
	r.create("other", spec)
	r.until("other", failsWith(v1.ReasonPullFailed, "certificate"))
}

// What is wrong with a Secret is said, and corrected without a change of the object.
func TestAuthorityIsCorrected(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{TLS: true})
	p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
	spec := tagged(reg, "org/app", "v1")
	spec.CertSecretRef, spec.Interval = &v1.LocalObjectReference{Name: "certs"}, often()
	r.create("app", spec)
	r.until("app", failsWith(v1.ReasonAuthenticationFailed, `/certs": there is none`))
	r.secretOf("certs", corev1.SecretTypeOpaque, map[string]string{"ca": string(reg.CA)})
	r.until("app", failsWith(v1.ReasonAuthenticationFailed, "it has neither ca.crt nor tls.crt and tls.key, but ca"))
	r.secretOf("certs", corev1.SecretTypeOpaque, map[string]string{"ca.crt": string(reg.CA)})
	r.until("app", exposes(p.revision("v1")))
	replaced, err := pki.NewCA("another")
	if err != nil {
		t.Fatal(err)
	}
	r.secretOf("certs", corev1.SecretTypeOpaque, map[string]string{"ca.crt": string(replaced.Cert)})
	o := r.until("app", failsWith(v1.ReasonPullFailed, "certificate"))
	download(t, o)
}

func clientCertificate(t *testing.T) pki.Pair {
	t.Helper()
	ca, err := pki.NewCA("clients")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(pki.Subject{Name: "agent"})
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// A registry that lets nobody in without a certificate.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
	door := newClientDoor(t, reg)
	spec := v1.OCIRepositorySpec{URL: "oci://" + door.Addr + "/org/app", Reference: &v1.OCIRepositoryRef{Tag: "v1"}}
	trusting := map[string]string{"ca.crt": string(door.ca.Cert)}
	spec.CertSecretRef = r.secretOf("without", corev1.SecretTypeOpaque, trusting)
	r.create("without", spec)
	r.until("without", failsWith(v1.ReasonPullFailed, "certificate required"))

	trusting["tls.crt"], trusting["tls.key"] = string(door.client.Cert), string(door.client.Key)
	spec.CertSecretRef = r.secretOf("with", corev1.SecretTypeTLS, trusting)
	r.create("with", spec)
	download(t, r.until("with", exposes(p.revision("v1"))))
}

// clientDoor leads whoever shows a certificate of its own authority to a registry.
type clientDoor struct {
	*loopback.Server
	ca     *pki.CA
	client pki.Pair
}

func newClientDoor(t *testing.T, reg *registry.Registry) *clientDoor {
	t.Helper()
	d := &clientDoor{}
	var err error
	if d.ca, err = pki.NewCA("both sides"); err != nil {
		t.Fatal(err)
	}
	if d.client, err = d.ca.Issue(pki.Subject{Name: "agent"}); err != nil {
		t.Fatal(err)
	}
	d.Server = tlsFront(t, d.ca, reg, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: d.ca.Pool()})
	return d
}

// tlsFront serves a registry by TLS, under further names too.
func tlsFront(t *testing.T, ca *pki.CA, reg *registry.Registry, config *tls.Config, names ...string) *loopback.Server {
	t.Helper()
	pair, err := ca.Issue(pki.Subject{Name: "registry", DNS: names})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := pair.TLS()
	if err != nil {
		t.Fatal(err)
	}
	config.Certificates = []tls.Certificate{certificate}
	front := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: reg.Host})
	server, err := loopback.Serve(t.Context(), front, loopback.Options{TLS: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// The object's own proxy takes the place of the environment's, for all that is fetched.
func TestProxyOfTheObject(t *testing.T) {
	t.Parallel()
	const host = "behind.proxy.test"
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
	proxy, err := gateway.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	proxy.Route(host, reg.Host)
	proxy.Require("agent", "pr0xy")
	spec := v1.OCIRepositorySpec{URL: "oci://" + host + "/org/app", Reference: &v1.OCIRepositoryRef{Tag: "v1"}, Insecure: true, Interval: often()}
	spec.ProxySecretRef = r.secretOf("proxy", corev1.SecretTypeOpaque, map[string]string{"username": "agent", "password": "pr0xy"})
	r.create("app", spec)
	r.until("app", failsWith(v1.ReasonAuthenticationFailed, "it has no address, but password, username"))
	r.secretOf("proxy", corev1.SecretTypeOpaque, map[string]string{"address": proxy.URL(), "username": "agent", "password": "wr0ng"})
	r.until("app", failsWith(v1.ReasonPullFailed, "407"))
	if n := proxy.Passed(host); n != 0 {
		t.Errorf("%d requests were let in", n)
	}
	r.secretOf("proxy", corev1.SecretTypeOpaque, map[string]string{"address": proxy.URL(), "username": "agent", "password": "pr0xy"})
	download(t, r.until("app", exposes(p.revision("v1"))))
	if n := proxy.Passed(host); n < 3 || outside.Passed(host) != 0 {
		t.Errorf("%d requests through the object's proxy, %d through the environment's", n, outside.Passed(host))
	}
	for _, secret := range []string{"pr0xy", "wr0ng"} {
		if story := r.story("app"); strings.Contains(story, secret) {
			t.Errorf("%q is told in\n%s", secret, story)
		}
	}
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

// installWith adds a component's rights to a ServiceAccount of its own, and gives its token.
func installWith(t *testing.T, component string) (token string) {
	t.Helper()
	rights, err := kubectl(soon(t), "", "kustomize", overlay(t, component))
	if err != nil {
		t.Fatal(err)
	}
	var wanted []string
	for object := range strings.SplitSeq(rights, "\n---\n") {
		for _, kind := range []string{"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} {
			if strings.Contains(object, "\nkind: "+kind+"\n") {
				wanted = append(wanted, object)
			}
		}
	}
	if _, err := kubectl(soon(t), strings.Join(wanted, "\n---\n"), "apply", "--server-side", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	if token, err = control.logIn(soon(t), "agent-"+component); err != nil {
		t.Fatal(err)
	}
	return token
}

// overlay is a folder for kubectl kustomize: what manifests/ install, with a component, under names of its own.
func overlay(t *testing.T, component string) string {
	t.Helper()
	return customization(t, fmt.Sprintf("resources: [%%[1]s/agent]\ncomponents: [%%[1]s/components/%[1]s]\nnameSuffix: -%[1]s\n", component))
}

// customization is a folder with a kustomization.yaml, in which %[1]s stands for manifests/.
func customization(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	manifests, err := filepath.Rel(dir, filepath.Join(root, "manifests"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(fmt.Sprintf(text, manifests)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
