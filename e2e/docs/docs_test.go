// Package docs_test runs the commands of the documentation: every block marked sh in README.md and docs/*.md, in order, against a real
// registry in place of the ones that the text names, and a real control plane. A block marked text that follows is among what they print,
// with anything in place of an ellipsis. Pages of inCluster have an agent. Those of docs/api/ are run with its tests.
package docs_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
	"github.com/kubectl-oci/kubectl-oci/e2e/notation"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

// What a block may say that is not run here: make runs this test, installing needs another user, and openssl is not everywhere, so that
// the workplace has the certificate. Each must still be in the text, and each target in the Makefile.
var notRun = []string{
	"make demo",
	"make test",
	"make build",
	"make image IMAGE=registry.example.com/kubectl-oci/agent:dev",
	"sudo install bin/kubectl-oci /usr/local/bin/    # anywhere on the PATH: kubectl finds it as \"kubectl oci\"",
	"openssl req -x509 -newkey rsa:3072 -nodes -keyout acme.key -out acme.crt -subj /CN=acme -addext extendedKeyUsage=codeSigning",
}

// inCluster are the pages whose commands wait for an agent's answer.
var inCluster = map[string]bool{"cluster.md": true, "signatures.md": true}

type place struct{ root, bin, agent, registry, kubeconfig string }

var here place

func TestMain(m *testing.M) {
	os.Exit(testbed.Run(m, testbed.Options{Kubectl: true, Log: os.Stderr}, func(tb *testbed.Testbed) {
		here = place{registry: tb.Registry.Host, kubeconfig: tb.Kubeconfig, bin: filepath.Join(tb.Dir, "bin")}
		if err := here.install(tb.Kubectl); err != nil {
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
	return errors.Join(os.Symlink(kubectl, filepath.Join(p.bin, "kubectl")), os.Symlink(cosign, filepath.Join(p.bin, "cosign")))
}

var block = regexp.MustCompile("(?ms)^```(sh|text)\n(.*?)^```$")

func TestCommandsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(here.root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	unseen := map[string]bool{}
	for _, line := range notRun {
		unseen[line] = true
	}
	dir := workplace(t)
	for _, page := range append([]string{filepath.Join(here.root, "README.md")}, pages...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(page), func(t *testing.T) { follow(t, dir, string(text), unseen) })
	}
	for line := range unseen {
		t.Errorf("no page says %q any more", line)
	}
}

// follow runs a page, and takes from unseen what it says and is not run.
func follow(t *testing.T, dir, page string, unseen map[string]bool) {
	if inCluster[filepath.Base(t.Name())] {
		startAgent(t)
	}
	var printed string
	for _, match := range block.FindAllStringSubmatch(page, -1) {
		if match[1] == "sh" {
			printed = run(t, dir, atHome(without(match[2], unseen)))
			continue
		}
		want := atHome(match[2])
		if !regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*")).MatchString(printed) {
			t.Errorf("want\n%s\ngot\n%s", want, printed)
		}
	}
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

// atHome puts the registry of the test in the place of those that the text names.
func atHome(text string) string {
	return strings.NewReplacer("docker.io/", here.registry+"/", "registry.example.com/", here.registry+"/").Replace(text)
}

func startAgent(t *testing.T) {
	t.Helper()
	agent, err := product.StartAgent(t.Context(), product.AgentOptions{Path: here.agent, Kubeconfig: here.kubeconfig, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(agent.Stop)
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

// A command that is to fail, after an exclamation mark, comes last in its block: bash does not mind any other.
var unminded = regexp.MustCompile(`(?m)^! .*\n.`)

// run gives what a block prints.
func run(t *testing.T, dir, script string) string {
	t.Helper()
	if unminded.MatchString(script) {
		t.Errorf("more follows what has to fail:\n%s", script)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+here.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "KUBECONFIG="+here.kubeconfig,
		"HOME="+dir, "HTTPS_PROXY=http://127.0.0.1:1") // nobody listens there: no page needs the internet
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
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
