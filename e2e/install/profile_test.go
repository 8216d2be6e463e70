package install_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the plugin installs is what kubectl makes of the folders, byte for byte.
func TestExport(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for profile, folder := range map[string]string{
		"default": "manifests", "beside-flux": "manifests/overlays/beside-flux", "tenant": "manifests/overlays/tenant", "mirror": "manifests/overlays/mirror",
		"replace-source-controller": "manifests/overlays/replace-source-controller", "with-kustomize-controller": "manifests/overlays/with-kustomize-controller",
	} {
		if got, want := c.oci("install --export --profile "+profile), c.kubectl("kustomize "+folder); got != want {
			t.Errorf("%s: the plugin has %d bytes, kubectl makes %d", profile, len(got), len(want))
		}
	}
	// The policy of the command line comes to the same as the component.
	dir := t.TempDir()
	relative, err := filepath.Rel(dir, filepath.Join(root, "manifests"))
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("resources: [%[1]s]\ncomponents: [%[1]s/components/policy]\n", relative)
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, want := c.oci("install --export --policy manifests/components/policy/policy.yaml"), c.kubectl("kustomize "+dir)
	if sorted(got) != sorted(want) {
		t.Errorf("the plugin has\n%s\nkubectl makes\n%s", got, want)
	}
}

// sorted has the objects in an order of its own.
func sorted(text string) string {
	lines := map[string]bool{}
	for object := range strings.SplitSeq(text, "---\n") {
		lines[object] = true
	}
	return fmt.Sprint(lines)
}

const definition = "manifests/crd/source.toolkit.fluxcd.io_ocirepositories.yaml"

// Each profile gets an agent that runs with the rights that it was given, and does its work; uninstall leaves what is not its own.
func TestProfiles(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	startNode(c)
	c.oci("push " + c.Registry.Host + "/org/app:v1 -f examples/app-config")
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(onLoopback), 0o600); err != nil {
		t.Fatal(err)
	}
	c.kubectl("create namespace team-a")
	c.kubectl("create namespace flux-system")
	for _, p := range []struct {
		flags, namespace, objects string
		labels, service           string
		stays                     []string
	}{
		{"--profile with-kustomize-controller", "oci-system", "default", "", "agent", []string{"crd/buckets.source.toolkit.fluxcd.io", "crd/helmcharts.source.toolkit.fluxcd.io"}},
		{"--profile beside-flux", "oci-system", "default", "sharding.fluxcd.io/key=oci", "agent", nil},
		{"--profile replace-source-controller", "flux-system", "default", "", "source-controller", []string{"namespace/flux-system"}},
		{"--profile tenant -n team-a", "team-a", "team-a", "", "agent", []string{"namespace/team-a"}},
		{"--profile mirror --image mirror.internal/agent:v1", "oci-system", "default", "", "agent", nil},
	} {
		t.Log(p.flags)
		out := c.oci("install " + p.flags + " --timeout 2m --policy " + policy)
		c.says(out, "deployment.apps/agent created\n", `the agent runs in namespace "`+p.namespace+`"`)
		if strings.Contains(out, "Warning") {
			t.Errorf("the API server warns:\n%s", out)
		}
		name := "app-" + p.service + "-" + p.namespace
		create := fmt.Sprintf("create %s -n %s --url oci://%s/org/app --tag v1 --apply", name, p.objects, c.Registry.Host)
		if p.labels != "" {
			create += " --label " + p.labels
		}
		c.oci(create)
		c.oci("reconcile " + name + " -n " + p.objects)
		url := c.kubectl("get ocirepository " + name + " -n " + p.objects + " -o jsonpath={.status.artifact.url}")
		if want := "http://" + p.service + "." + p.namespace + ".svc/"; !strings.HasPrefix(url, want) {
			t.Errorf("%s: the artifact is at %s, want %s", p.flags, url, want)
		}
		out = c.oci("uninstall --yes -n " + p.namespace)
		c.says(out, "deployment.apps/agent removed\n", "stays: customresourcedefinition/ocirepositories.source.toolkit.fluxcd.io\n", "whose artifacts nobody serves")
		c.gone(p.namespace)
		for _, object := range append(p.stays, "ocirepository/"+name+" -n "+p.objects) {
			if !c.exists(object) {
				t.Errorf("%s: uninstall has removed %s", p.flags, object)
			}
		}
	}
}

// onLoopback permits the registry of this test.
const onLoopback = `apiVersion: policy.kubectl-oci.dev/v1alpha1
kind: SourcePolicy
rules:
  - insecure: true
    addresses: [loopback, private]
`

// gone looks for what an uninstalled agent left behind.
func (c *cluster) gone(namespace string) {
	c.t.Helper()
	const kinds = "deployments,services,configmaps,roles,rolebindings,serviceaccounts,networkpolicies,poddisruptionbudgets"
	const shared = "rbac.authorization.k8s.io/aggregate-to-edit" // those that stay with the definition
	const label = " -l app.kubernetes.io/part-of=kubectl-oci"
	if out := c.kubectl("get " + kinds + " -n " + namespace + label + " -o name"); out != "" {
		c.t.Errorf("left in %s:\n%s", namespace, out)
	}
	if out := c.kubectl("get clusterroles,clusterrolebindings -o name" + label + ",!" + shared); out != "" {
		c.t.Errorf("left in the cluster:\n%s", out)
	}
	if namespace == "oci-system" {
		c.kubectl("wait --for=delete --timeout=60s namespace/oci-system")
	}
}
