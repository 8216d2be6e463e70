//go:build linux

package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/node"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

const repository = node.Registry + "/org/app-config"

// copyExample copies the example that the README pushes, with the workload of these tests in place of an image on the internet.
func copyExample(t *testing.T, says string) string {
	t.Helper()
	root, err := product.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "app-config")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples", "app-config"))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "deployment.yaml")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const image, args = "registry.k8s.io/e2e-test-images/agnhost:2.53", "[netexec, --http-port=8080]"
	text := string(raw)
	if !strings.Contains(text, image) || !strings.Contains(text, args) {
		t.Fatalf("the example is another than it was:\n%s", text)
	}
	text = strings.NewReplacer(image, node.Registry+"/workload:v1", args, "[serve, "+says+"]").Replace(text)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// push returns the revision that the agent will tell.
func push(t *testing.T, dir, tag string, more ...string) string {
	t.Helper()
	pushed := strings.TrimSpace(kubectl(t, append([]string{"oci", "push", repository + ":" + tag, "-f", dir}, more...)...))
	_, digest, found := strings.Cut(pushed, "@")
	if !found {
		t.Fatalf("push printed %q", pushed)
	}
	return tag + "@" + digest
}

// deliver is the promise: push, and what was pushed runs.
func (s *shipped) deliver(t *testing.T) {
	revision := push(t, copyExample(t, "one"), "prod")
	kubectl(t, "create", "namespace", "shop")
	trustRegistry(t, "shop")
	kubectl(t, "oci", "create", "app", "-n", "shop", "--url", "oci://"+repository, "--tag", "prod", "--interval", "10m", "--cert-secret", "registry", "--apply")
	apply(t, `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: shop}
spec:
  interval: 10m
  timeout: 1m
  prune: true
  wait: true
  path: ./
  targetNamespace: shop
  sourceRef: {kind: OCIRepository, name: app}
`)
	delivered(t, revision, "one")
}

// deliverAgain pushes until the cluster runs what was pushed.
func (s *shipped) deliverAgain(t *testing.T) {
	revision := push(t, copyExample(t, "two"), "prod", "--wait-for", "kustomization/app", "-n", "shop", "--wait-timeout", "1m")
	if applied := kubectl(t, "get", "kustomization/app", "-n", "shop", "-o", "jsonpath={.status.lastAppliedRevision}"); applied != revision {
		t.Errorf("push has waited, and %q is applied, want %q", applied, revision)
	}
	delivered(t, revision, "two")
}

// delivered waits until the workload of a revision runs, and asks it.
func delivered(t *testing.T, revision, says string) {
	t.Helper()
	kubectl(t, "wait", "-n", "shop", "ocirepository/app", "--for=jsonpath={.status.artifact.revision}="+revision, "--timeout=60s")
	kubectl(t, "wait", "-n", "shop", "kustomization/app", "--for=jsonpath={.status.lastAppliedRevision}="+revision, "--timeout=60s")
	kubectl(t, "wait", "-n", "shop", "kustomization/app", "--for=condition=Ready", "--timeout=60s")
	rolledOut(t, "shop", "app")
	eventually(t, func() (seen string, ok bool) { // the example has no probe, so that it counts as ready before it listens
		out, err := try(t, "get", "--raw", "/api/v1/namespaces/shop/services/app/proxy/")
		return fmt.Sprintf("the workload says %q, %v, want %q", out, err, says), err == nil && out == says+"\n"
	})
}

// trustRegistry makes the Secret for the authority of the node's registry.
func trustRegistry(t *testing.T, namespace string) {
	t.Helper()
	kubectl(t, "create", "secret", "generic", "registry", "-n", namespace, "--from-file=ca.crt="+shared.CA)
}

// ask uses what the plugin has for clusters, through the API server's proxy to the agent's Service where bytes are asked for.
func (s *shipped) ask(t *testing.T) {
	if out := kubectl(t, "oci", "get", "-A"); strings.Count(out, "True") < 2 || !strings.Contains(out, "prod@sha256:") {
		t.Errorf("get says:\n%s", out)
	}
	now := filepath.Join(t.TempDir(), "now")
	kubectl(t, "oci", "pull", "ocirepository/app", "-n", "shop", "--to", now)
	raw, err := os.ReadFile(filepath.Join(now, "deployment.yaml"))
	if err != nil || !strings.Contains(string(raw), "[serve, two]") {
		t.Errorf("pulled %q, %v", raw, err)
	}
	if out := kubectl(t, "oci", "version"); !strings.Contains(out, "in "+agentNamespace+"/agent: 2 of 2 replicas are ready") {
		t.Errorf("version says:\n%s", out)
	}
}
