package agent_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// The RFC's OCIRepository examples, applied as its readers would, host aside: all are accepted, and what this version can do is done.
func TestRFC(t *testing.T) {
	t.Parallel()
	f := newRFC(t)
	f.apply(example(t, "tag.yaml"))
	f.exposes("app-config", f.app.revision("v1.0.0"))
	f.checkVersions()
	f.forget("app-config")

	for field, revision := range map[string]string{
		"tag": f.app.revision("latest"), "digest": f.app.Digest, "semver": f.newest.revision("6.0.4"),
	} {
		o := fragment(t, "references.yaml")
		ref := o["spec"].(map[string]any)["ref"].(map[string]any)
		maps.DeleteFunc(ref, func(key string, _ any) bool { return key != field })
		f.apply(o)
		f.exposes("app-config", revision)
		f.forget("app-config")
	}

	f.apply(fragment(t, "layer-selector.yaml"))
	if body := f.exposes("app-config", f.app.revision("v1.0.0")); string(body) != string(f.app.layers[1].bytes) {
		t.Error("not the layer that was selected")
	}
	f.forget("app-config")

	f.apply(fragment(t, "verify.yaml"))
	f.exposesSigned("app-config", "cosign-key", "org/app-config", f.app.descriptor, f.app.revision("v1.0.0"))
	f.forget("app-config")
	for name, says := range map[string]string{
		"service-account.yaml": `/regsa": there is none`,
		"certificate.yaml":     `/regcert": there is none`,
		"provider.yaml":        "is no registry of provider aws",
	} {
		f.apply(fragment(t, name))
		f.until("app-config", failsWith(v1.ReasonAuthenticationFailed, says))
		f.forget("app-config")
	}
}

// With the Secret that the RFC's own command makes.
func TestRFCSecret(t *testing.T) {
	t.Parallel()
	for _, auth := range []registry.Auth{registry.Basic, registry.Token} {
		reg := registry.For(t, registry.Options{Auth: auth, Users: []registry.User{alice}})
		p := push(t, reg, "org/app-config", folder("a.yaml", "a: 1\n"), "v1.0.0")
		r := newRoom(t)
		if _, err := kubectl(soon(t), "", "create", "secret", "docker-registry", "regcred", "-n", r.namespace,
			"--docker-server="+reg.Host, "--docker-username="+alice.Name, "--docker-password="+alice.Password); err != nil {
			t.Fatal(err)
		}
		o := fragment(t, "secret.yaml")
		o["metadata"].(map[string]any)["namespace"] = r.namespace
		apply(t, reg, o)
		download(t, r.until("app-config", exposes(p.revision("v1.0.0"))))
	}
}

// The second story asks for a signature, and has the newest version of a private repository.
func TestRFCStory(t *testing.T) {
	t.Parallel()
	f := &rfc{room: enterRoom(t, "default", ""), t: t, reg: registry.For(t, registry.Options{Auth: registry.Token, Users: []registry.User{alice}})}
	p := push(t, f.reg, "org/my-app-config", folder("a.yaml", "a: 1\n"), "1.0.0")
	f.pullSecret("my-app-regcred", f.reg.Host, alice.Name, alice.Password)
	f.apply(example(t, "story.yaml"))
	f.exposesSigned("app-config", "my-app-cosgin-key", "org/my-app-config", p.descriptor, p.revision("1.0.0"))
}

// What source-controller made of an object long ago: its finalizer goes, all else works.
func TestRFCPodinfo(t *testing.T) {
	t.Parallel()
	if _, err := kubectl(soon(t), "", "create", "namespace", "oci"); err != nil {
		t.Fatal(err)
	}
	f := &rfc{room: enterRoom(t, "oci", ""), t: t, reg: registry.For(t, registry.Options{})}
	p := push(t, f.reg, "stefanprodan/manifests/podinfo", folder("a.yaml", "a: 1\n"), "6.1.6")
	o := example(t, "podinfo.yaml")
	for _, field := range []string{"creationTimestamp", "generation", "resourceVersion", "uid"} { // the API server's own
		delete(o["metadata"].(map[string]any), field)
	}
	f.apply(o)
	f.exposes("podinfo", p.revision("6.1.6"))
	f.until("podinfo", want{"without a finalizer", func(o *v1.OCIRepository) bool { return len(o.Finalizers) == 0 }})
}

// rfc is the cluster and the registry of the RFC's examples.
type rfc struct {
	*room
	t           *testing.T
	reg         *registry.Registry
	app, newest pushed
}

func newRFC(t *testing.T) *rfc {
	t.Helper()
	if _, err := kubectl(soon(t), "", "create", "namespace", "flux-system"); err != nil {
		t.Fatal(err)
	}
	f := &rfc{room: enterRoom(t, "flux-system", ""), t: t, reg: registry.For(t, registry.Options{})}
	layers := []layer{{typeLayer, archive("a.yaml", "a: 1\n")}, {typeFluxLayer, archive("b.yaml", "b: 1\n")}}
	f.app = push(t, f.reg, "org/app-config", content{layers: layers}, "v1.0.0", "latest", "6.0.3")
	f.newest = push(t, f.reg, "org/app-config", folder("a.yaml", "a: 2\n"), "6.0.4")
	push(t, f.reg, "org/app-config", folder("a.yaml", "a: 3\n"), "6.1.0")
	return f
}

// example reads one of the files in testdata/rfc.
func example(t *testing.T, name string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "rfc", name))
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := yaml.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// fragment is the first example with the fields of a fragment.
func fragment(t *testing.T, name string) map[string]any {
	t.Helper()
	object := example(t, "tag.yaml")
	maps.Copy(object["spec"].(map[string]any), example(t, name)["spec"].(map[string]any))
	return object
}

func (f *rfc) apply(object map[string]any) {
	f.t.Helper()
	if spec := object["spec"].(map[string]any); spec["ref"].(map[string]any)["digest"] != nil {
		spec["ref"].(map[string]any)["digest"] = f.app.Digest
	}
	apply(f.t, f.reg, object)
}

// apply has kubectl apply an object whose registry is the one at hand.
func apply(t *testing.T, reg *registry.Registry, object map[string]any) {
	t.Helper()
	raw, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("oci://docker.io/", "oci://"+reg.Host+"/", "oci://ghcr.io/", "oci://"+reg.Host+"/").Replace(string(raw))
	if _, err := kubectl(soon(t), text, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}

func (f *rfc) exposes(name, revision string) []byte {
	f.t.Helper()
	return download(f.t, f.until(name, exposes(revision)))
}

// exposesSigned sees that an artifact is refused until the Secret with the key is there, and until whoever has the key has signed.
func (f *rfc) exposesSigned(name, secret, repository string, artifact descriptor, revision string) {
	f.t.Helper()
	me := newSigner(f.t)
	for _, step := range []struct {
		refused string // before
		mend    func()
	}{
		{secret + `": there is none`, func() { f.secret(secret, corev1.SecretTypeOpaque, "cosign.pub", me.public(f.t)) }},
		{"no signature", func() { me.sign(f.t, f.reg, repository, artifact) }},
	} {
		if o := f.until(name, failsWith(v1.ReasonVerificationError, step.refused)); o.Status.Artifact != nil {
			f.t.Errorf("not refused: %s", summary(o))
		}
		step.mend()
		f.ask(name)
	}
	f.exposes(name, revision)
}

// checkVersions reads the object as v1beta2, as it was written, and as v1, which is stored.
func (f *rfc) checkVersions() {
	f.t.Helper()
	var specs []string
	for _, version := range []string{"v1beta2", "v1"} {
		out, err := kubectl(soon(f.t), "", "get", "ocirepositories."+version+"."+v1.Group, "app-config", "-n", f.namespace,
			"-o", "jsonpath={.spec.url} {.spec.ref} {.spec.interval} {.status.artifact} {.status.conditions}")
		if err != nil {
			f.t.Fatal(err)
		}
		specs = append(specs, out)
	}
	if diff := cmp.Diff(specs[0], specs[1]); diff != "" || !strings.Contains(specs[0], `{"tag":"v1.0.0"} 10m {`) {
		f.t.Errorf("%s\n(-v1beta2 +v1):\n%s", specs[0], diff)
	}
}

// forget deletes the object, so that the next example finds none.
func (f *rfc) forget(name string) {
	f.t.Helper()
	f.delete(name)
	f.wait(name, "the object is gone", func() bool { return f.gone[name] })
}
