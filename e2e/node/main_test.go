//go:build linux

package node_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
	"github.com/kubectl-oci/kubectl-oci/e2e/node"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

// The node that all tests share; nil where this machine has none and that is permitted.
var shared *node.Node

func TestMain(m *testing.M) {
	os.Exit(node.Run(m, node.Options{Prepare: prepare, Log: os.Stderr}, func(n *node.Node) { shared = n }))
}

// prepare puts into the node's folder what is built or downloaded: the product, its image as `make image` makes it, and Flux's
// kustomize-controller with the files that install it.
func prepare(ctx context.Context, dir string) error {
	bin := filepath.Join(dir, "bin")
	if err := os.Setenv("CGO_ENABLED", "0"); err != nil { // the programs' images hold nothing else
		return err
	}
	if _, err := product.Build(ctx, bin, "-trimpath"); err != nil {
		return err
	}
	root, err := product.Root(ctx)
	if err != nil {
		return err
	}
	if _, err := command(ctx, filepath.Join(root, "tools"), "go", "run", "./image", "-version", version, "-platforms", "linux/"+runtime.GOARCH,
		"-with", filepath.Join(bin, "kubectl-oci"), filepath.Join(dir, "image")); err != nil {
		return err
	}
	builder, err := controlplane.NewBuilder(os.Stderr)
	if err != nil {
		return err
	}
	kubectl, err := builder.Kubectl(ctx)
	if err != nil {
		return err
	}
	controller, err := builder.KustomizeController(ctx)
	if err != nil {
		return err
	}
	module, err := command(ctx, filepath.Join(root, "e2e", "controlplane", "flux"), "go", "mod", "download", "-json", "github.com/fluxcd/kustomize-controller")
	if err != nil {
		return err
	}
	config, err := folderOf(module)
	if err != nil {
		return err
	}
	return errors.Join(
		os.Symlink(kubectl, filepath.Join(bin, "kubectl")),
		os.Symlink(controller, filepath.Join(bin, "kustomize-controller")),
		os.CopyFS(filepath.Join(dir, "flux"), os.DirFS(filepath.Join(config, "config"))),
	)
}

// here is the node, or the end of the test.
func here(t *testing.T) *node.Node {
	t.Helper()
	if shared == nil {
		t.Skip("E2E_NODE is optional, and this machine lacks: " + strings.Join(node.Lacks(), "; "))
	}
	return shared
}

// patience bounds every command.
const patience = 2 * time.Minute

// command runs in a folder and returns what was printed on standard output.
func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if shared != nil {
		cmd.Env = append(os.Environ(), environment()...)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out, &stderr)
	}
	return string(out), nil
}

// environment of a user of the cluster and of its registry, with the plugin where kubectl finds it.
func environment() []string {
	return []string{
		"KUBECONFIG=" + shared.Kubeconfig, "SSL_CERT_FILE=" + shared.CA,
		"PATH=" + filepath.Join(shared.Dir, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
}

// try runs kubectl, with the plugin on its PATH. Tests clean up with it, too, when their context has ended.
func try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	return command(ctx, shared.Dir, filepath.Join(shared.Dir, "bin", "kubectl"), args...)
}

// kubectl returns what it printed; the test ends where it fails.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := try(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// apply writes objects to a file and applies it.
func apply(t *testing.T, objects string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "objects.yaml")
	if err := os.WriteFile(file, []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "apply", "--server-side", "-f", file)
}

// eventually asks again and again, and tells what it has seen last where it never is as it should be.
func eventually(t *testing.T, look func() (seen string, ok bool)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience/4)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		seen, ok := look()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(seen)
		}
	}
}
