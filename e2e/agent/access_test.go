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
