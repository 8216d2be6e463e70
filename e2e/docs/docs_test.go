// Package docs_test runs the commands of the documentation: every block marked sh in README.md, docs/*.md and docs/guides/, in order, against a real
// registry in place of the ones that the text names, and a real control plane; package manual says how. Pages of inCluster and guides have an agent, and Flux's kustomize-controller. Objects in blocks marked
// yaml are shown to the API server. Those of docs/api/ are run with its tests.
package docs_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
	"github.com/kubectl-oci/kubectl-oci/e2e/manual"
	"github.com/kubectl-oci/kubectl-oci/e2e/notation"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

// What a block may say that is not run here: make runs this test, installing needs another user, openssl is not everywhere, so that
// the workplace has the certificate, flux and helm cannot be had, e2e/install installs that profile, and the API server's proxy leads to nodes
// only, on which e2e/node runs these commands. Each must still be in the text, and each target in the Makefile.
var notRun = []string{
	"make demo",
	"make build",
	"make image IMAGE=registry.example.com/kubectl-oci/agent:dev",
	"sudo install bin/kubectl-oci /usr/local/bin/    # anywhere on the PATH: kubectl finds it as \"kubectl oci\"",
	"openssl req -x509 -newkey rsa:3072 -nodes -keyout acme.key -out acme.crt -subj /CN=acme -addext extendedKeyUsage=codeSigning",
	"kubectl oci explain hello -n hello",
	"kubectl oci pull ocirepository/hello -n hello --to ./now",
	"kubectl oci pull ocirepository/shop -n shop --to ./now",
	"kubectl oci install --profile mirror --image mirror.internal/kubectl-oci/agent:v0.1.0 --policy policy.yaml",
	"flux install --components=kustomize-controller",
	"helm template podinfo ./chart --values prod.yaml > rendered.yaml",
}

// inCluster are the pages whose commands wait for an agent's answer.
var inCluster = map[string]bool{"docs/cluster.md": true, "docs/getting-started.md": true, "docs/signatures.md": true}

// guides all have an agent; explaining looks at the one that is installed.
const (
	guides     = "docs/guides/"
	explaining = "docs/cluster.md"
)

type place struct{ root, bin, agent, kustomize, registry, kubeconfig string }

var here place

func TestMain(m *testing.M) {
	os.Exit(testbed.Run(m, testbed.Options{Kubectl: true, Log: os.Stderr}, func(tb *testbed.Testbed) {
		here = place{registry: tb.Registry.Host, kubeconfig: tb.Kubeconfig, bin: filepath.Join(tb.Dir, "bin")}
		if err := errors.Join(here.install(tb.Kubectl), here.define()); err != nil {
			panic(err)
		}
	}))
}

// install makes a folder for the PATH with the plugin, where kubectl finds it, and kubectl.
func (p *place) install(kubectl string) (err error) {
	if p.root, err = product.Root(context.Background()); err != nil {
		return err
	}
	binaries, err := product.Build(context.Background(), p.bin)
	if err != nil {
		return err
	}
	p.agent = binaries.Agent
	builder, err := controlplane.NewBuilder(os.Stderr)
	if err != nil {
		return err
	}
	cosign, err := builder.Cosign(context.Background())
	if err != nil {
		return err
	}
	if p.kustomize, err = builder.KustomizeController(context.Background()); err != nil {
		return err
	}
	return errors.Join(os.Symlink(kubectl, filepath.Join(p.bin, "kubectl")), os.Symlink(cosign, filepath.Join(p.bin, "cosign")))
}

func TestCommandsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	startKustomizeController(t)
	startNode(t)
	unseen := map[string]bool{}
	for _, line := range notRun {
		unseen[line] = true
	}
	dir := workplace(t)
	reader(dir).Run(t, "kubectl oci push ghcr.io/kubectl-oci/agent:v0.1.0 -f ./deploy") // in place of the image
	for page, text := range pages(t) {
		t.Run(page, func(t *testing.T) { follow(t, dir, page, text, unseen) })
	}
	for line := range unseen {
		t.Errorf("no page says %q any more", line)
	}
}

// pages are the paths of all pages, in the order in which they are read, and their texts.
func pages(t *testing.T) iter.Seq2[string, string] {
	t.Helper()
	paths := []string{"README.md"}
	for _, folder := range []string{"docs/", guides} {
		found, err := filepath.Glob(filepath.Join(here.root, filepath.FromSlash(folder), "*.md"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no pages in %s: %v", folder, err)
		}
		for _, path := range found {
			paths = append(paths, folder+filepath.Base(path))
		}
	}
	return func(yield func(string, string) bool) {
		for _, page := range paths {
			text, err := os.ReadFile(filepath.Join(here.root, filepath.FromSlash(page)))
			if err != nil {
				t.Fatal(err)
			}
			if !yield(page, string(text)) {
				return
			}
		}
	}
}

// follow runs a page, and takes from unseen what it says and is not run.
func follow(t *testing.T, dir, page, text string, unseen map[string]bool) {
	if inCluster[page] || strings.HasPrefix(page, guides) {
		startAgent(t)
	}
	if page == explaining {
		defer publishPolicy(t, dir)()
	}
	blocks := manual.Blocks(text)
	for i := range blocks {
		if !blocks[i].Printed {
			blocks[i].Text = without(blocks[i].Text, unseen)
		}
	}
	reader(dir).Follow(t, blocks)
}

// without leaves out what is not run.
func without(script string, unseen map[string]bool) string {
	for _, line := range notRun {
		if strings.Contains(script, line+"\n") {
			delete(unseen, line)
			script = strings.ReplaceAll(script, line+"\n", "")
		}
	}
	return script
}

// reader has the registry of the test in the place of those that the text names.
func reader(dir string) manual.Reader {
	names := strings.NewReplacer("docker.io/", here.registry+"/", "registry.example.com", here.registry,
		"ghcr.io/", here.registry+"/", "mirror.internal/", here.registry+"/mirror.internal/")
	return manual.Reader{Dir: dir, Names: names, Env: []string{
		"PATH=" + here.bin + string(os.PathListSeparator) + os.Getenv("PATH"), "KUBECONFIG=" + here.kubeconfig,
		"HTTPS_PROXY=http://127.0.0.1:1", // nobody listens there: no page needs the internet
	}}
}

func startAgent(t *testing.T) {
	t.Helper()
	agent, err := product.StartAgent(t.Context(), product.AgentOptions{Path: here.agent, Kubeconfig: here.kubeconfig, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(agent.Stop)
}

// publishPolicy has the installed agent run with the policy of the one that startAgent starts, for the page's commands that look there,
// until the function that it gives is called.
func publishPolicy(t *testing.T, dir string) func() {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(product.OnLoopback), 0o600); err != nil {
		t.Fatal(err)
	}
	reader(dir).Run(t, "kubectl oci install -q --wait=false --policy "+path)
	return func() { reader(dir).Run(t, "kubectl oci install -q --wait=false --policy none") }
}

// workplace is a clone as a reader has it: what the pages need of the repository, and a folder of their own to push,
// and an authority's certificate.
func workplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for from, to := range map[string]string{"manifests": "manifests", "examples": "examples", "examples/app-config": "deploy"} {
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(filepath.Join(here.root, from))); err != nil {
			t.Fatal(err)
		}
	}
	authority, err := notation.NewAuthority("acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "acme.crt"), authority.Certificate(), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTargetsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(here.root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range notRun {
		target, ok := strings.CutPrefix(line, "make ")
		if !ok {
			continue
		}
		target, _, _ = strings.Cut(target, " ")
		if !strings.Contains(string(makefile), "\n"+target+":") {
			t.Errorf("the Makefile has no target %q", target)
		}
	}
}
