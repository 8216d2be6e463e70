//go:build linux

package node_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/manual"
	"github.com/kubectl-oci/kubectl-oci/e2e/node"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

// What the page has flux do, which cannot be had here; what it installs can.
const fluxInstall = "flux install --components=kustomize-controller\n"

// A newcomer's first five minutes, letter by letter, but for flux. The agent's image comes from where the manifests say, which is a mirror here.
func TestGettingStarted(t *testing.T) { //nolint:paralleltest // the cluster has one agent at a time
	here(t)
	root, err := product.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "getting-started.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := manual.Blocks(string(page))
	flux := slices.IndexFunc(blocks, func(b manual.Block) bool { return b.Text == fluxInstall })
	if flux < 0 {
		t.Fatalf("the page does not say %q any more", fluxInstall)
	}
	mirrorAgent(t)
	t.Cleanup(func() { removeAll(t) })
	began := time.Now()
	reader := manual.Reader{Dir: t.TempDir(), Names: strings.NewReplacer("registry.example.com", node.Registry), Env: environment()}
	reader.Follow(t, blocks[:flux])
	installFlux(t)
	reader.Follow(t, blocks[flux+1:])
	t.Logf("the page took %v", time.Since(began).Round(time.Millisecond))
}

// mirrorAgent pushes the image to where containerd finds it by the name in the manifests.
func mirrorAgent(t *testing.T) {
	t.Helper()
	manifests := kubectl(t, "oci", "install", "--profile", "with-kustomize-controller", "--export")
	match := regexp.MustCompile(`image: ` + node.Mirrored + `/(\S+)`).FindStringSubmatch(manifests)
	if match == nil {
		t.Fatalf("the manifests name no image of %s", node.Mirrored)
	}
	if err := shared.PushTrusting(t.Context(), pushAgent(t), match[1]); err != nil {
		t.Fatal(err)
	}
}

// removeAll leaves the cluster as it was.
func removeAll(t *testing.T) {
	t.Helper()
	kubectl(t, "delete", "namespace", "--ignore-not-found", "flux-system", agentNamespace)
	kubectl(t, "delete", "clusterrolebinding", "--ignore-not-found", "cluster-reconciler")
	kubectl(t, "delete", "crd", "--all")
}
