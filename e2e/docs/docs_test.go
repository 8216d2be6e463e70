// Package docs_test runs the commands of the documentation: every block marked sh in README.md and docs/*.md, in order, against a real
// registry in place of the ones that the text names, and a real control plane. Those of docs/api/ want an agent and are run with its
// tests.
package docs_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

// What a block may say that is not run here: make runs this test, and installing needs another user. Each must still be in
// the text, and each target in the Makefile.
var notRun = []string{
	"make demo",
	"make test",
	"make build",
	"make image IMAGE=registry.example.com/kubectl-oci/agent:dev",
	"sudo install bin/kubectl-oci /usr/local/bin/    # anywhere on the PATH: kubectl finds it as \"kubectl oci\"",
}

type place struct{ root, bin, registry, kubeconfig string }

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
	if _, err = product.Build(context.Background(), p.bin); err != nil {
		return err
	}
	return os.Symlink(kubectl, filepath.Join(p.bin, "kubectl"))
}

var block = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

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
		for _, match := range block.FindAllStringSubmatch(string(text), -1) {
			for _, line := range notRun {
				if strings.Contains(match[1], line+"\n") {
					delete(unseen, line)
					match[1] = strings.ReplaceAll(match[1], line+"\n", "")
				}
			}
			run(t, dir, filepath.Base(page), match[1])
		}
	}
	for line := range unseen {
		t.Errorf("no page says %q any more", line)
	}
}

// workplace is a clone as a reader has it: what the pages need of the repository, and a folder of their own to push.
func workplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for from, to := range map[string]string{"manifests": "manifests", "examples": "examples", "examples/app-config": "deploy"} {
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(filepath.Join(here.root, from))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t *testing.T, dir, page, script string) {
	t.Helper()
	script = strings.NewReplacer("docker.io/", here.registry+"/", "registry.example.com/", here.registry+"/").Replace(script)
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+here.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "KUBECONFIG="+here.kubeconfig)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s\n%s", page, err, script, out)
	}
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
