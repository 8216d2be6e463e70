package install_test

import (
	"os"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
	"github.com/kubectl-oci/kubectl-oci/e2e/fluxcd"
)

const kustomization = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: default}
spec: {interval: 1m, prune: true, path: ./, sourceRef: {kind: OCIRepository, name: app}}
`

// kustomize-controller starts where the profile's declarations are all that there is of Flux's other sources, and looks at what
// the agent is for.
func TestWithKustomizeController(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	startNode(c)
	c.oci("install --profile with-kustomize-controller --timeout 2m")
	flux, err := fluxcd.New()
	if err != nil {
		t.Fatal(err)
	}
	definition, err := yaml.Marshal(flux.Definition(fluxcd.KustomizeGroup, "Kustomization"))
	if err != nil {
		t.Fatal(err)
	}
	c.feed(string(definition), "apply --server-side -f -")
	c.kubectl("wait --for=condition=Established --timeout=60s crd --all")
	builder, err := controlplane.NewBuilder(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	path, err := builder.KustomizeController(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	controller, err := fluxcd.StartKustomizeController(soon(t), path, c.Kubeconfig, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(controller.Stop)
	c.feed(kustomization, "apply --server-side -f -")
	c.kubectl("wait --for=condition=Ready=False --timeout=120s -n default kustomization/app")
	c.says(c.kubectl("get kustomization app -n default -o jsonpath={.status.conditions}"), "OCIRepository")
}
