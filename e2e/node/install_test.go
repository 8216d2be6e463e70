//go:build linux

package node_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/node"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

const (
	agentNamespace = "oci-system"
	agentLabel     = "app.kubernetes.io/name=agent"
	version        = "v0.0.0-node" // that the image's agent says it is

	shippedImage  = "ghcr.io/kubectl-oci/agent" // in the manifests
	previousImage = "kubectl-oci/agent:dev"     // in those of testdata
)

// folderOf reads what `go mod download -json` prints.
func folderOf(module string) (string, error) {
	var m struct{ Dir string }
	err := json.Unmarshal([]byte(module), &m)
	return m.Dir, err
}

// pushAgent pushes the agent's image and returns its reference by digest.
func pushAgent(t *testing.T) string {
	t.Helper()
	pushed := strings.TrimSpace(kubectl(t, "oci", "copy", filepath.Join(shared.Dir, "image")+":"+version, node.Registry+"/kubectl-oci/agent:"+version))
	if !strings.Contains(pushed, "@sha256:") {
		t.Fatalf("the image's reference: %q", pushed)
	}
	return pushed
}

// pushImages gives the previous version an image, too: of the same agent, as there is no older one to be had here, so that another image comes
// with the upgrade.
func (s *shipped) pushImages(t *testing.T) {
	s.current = pushAgent(t)
	var err error
	if s.previous, err = shared.PushProgram(t.Context(), filepath.Join(shared.Dir, "bin", "agent"), "kubectl-oci/agent:previous"); err != nil {
		t.Fatal(err)
	}
}

func (s *shipped) installPrevious(t *testing.T) {
	raw, err := os.ReadFile("testdata/previous.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s.watch = startWatch(t)
	apply(t, strings.ReplaceAll(string(raw), previousImage, s.previous))
	rolledOut(t, agentNamespace, "agent")
}

// upgrade applies what manifests/ have now for a cluster with kustomize-controller, as its comment says, with the image of our own.
func (s *shipped) upgrade(t *testing.T) {
	root, err := product.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	repository, digest, _ := strings.Cut(s.current, "@")
	customize(t, fmt.Sprintf("resources: [%s]\nimages: [{name: %s, newName: %s, digest: %q}]\n",
		filepath.Join(root, "manifests", "overlays", "with-kustomize-controller"), shippedImage, repository, digest))
	rolledOut(t, agentNamespace, "agent")
	if got := kubectl(t, "get", "deployment/agent", "-n", agentNamespace, "-o", "jsonpath={.spec.template.spec.containers[0].image}"); got != s.current {
		t.Errorf("the Deployment runs %q, want %q", got, s.current)
	}
	if got := kubectl(t, "get", "namespace/"+agentNamespace, "-o", `jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}`); got != "restricted" {
		t.Errorf("the namespace permits %q", got)
	}
}

// installAgain has the plugin install what runs already: it may neither fight for it nor start anything anew.
func (s *shipped) installAgain(t *testing.T) {
	before := agents(t)
	kubectl(t, "oci", "install", "--profile", "with-kustomize-controller", "--image", s.current, "--timeout", "1m")
	if after := agents(t); !slices.Equal(before, after) {
		t.Errorf("%v run, before it was %v", after, before)
	}
}

func (s *shipped) installFlux(t *testing.T) { installFlux(t) }

// installFlux installs kustomize-controller from the files of its release, with the rights that Flux gives it, and waits, as flux does.
func installFlux(t *testing.T) {
	t.Helper()
	if _, err := shared.PushProgram(t.Context(), filepath.Join(shared.Dir, "bin", "kustomize-controller"), "fluxcd/kustomize-controller:v1"); err != nil {
		t.Fatal(err)
	}
	apply(t, `apiVersion: v1
kind: Namespace
metadata: {name: flux-system, labels: {app.kubernetes.io/part-of: flux}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cluster-reconciler}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: default, namespace: flux-system}]
`)
	flux := filepath.Join(shared.Dir, "flux")
	customize(t, fmt.Sprintf("namespace: flux-system\nresources: [%s/crd, %s/manager]\nimages: [{name: fluxcd/kustomize-controller, newName: %s/fluxcd/kustomize-controller, newTag: v1}]\n",
		flux, flux, node.Registry))
	rolledOut(t, "flux-system", "kustomize-controller")
}

// customize applies a kustomization.yaml, whose resources are named by absolute paths.
func customize(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	resources := strings.NewReplacer("[/", "["+upwards(dir)+"/", ", /", ", "+upwards(dir)+"/").Replace(text)
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(resources), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "apply", "--server-side", "--force-conflicts", "-k", dir)
}

// upwards leads from a folder to the root.
func upwards(dir string) string {
	up, err := filepath.Rel(dir, "/")
	if err != nil {
		panic(err) // both are absolute
	}
	return up
}

func rolledOut(t *testing.T, namespace, deployment string) {
	t.Helper()
	kubectl(t, "rollout", "status", "-n", namespace, "deployment/"+deployment, "--timeout=90s")
}
