package plugin_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

// What all scripts share.
var (
	bed *testbed.Testbed
	bin string // folder with kubectl-oci and kubectl
)

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("8") // most scripts wait for something
	}
	os.Exit(testbed.Run(suite{m}, testbed.Options{Kubectl: true, Log: os.Stderr}, func(tb *testbed.Testbed) { bed = tb }))
}

// suite is the tests with the agent around them.
type suite struct{ tests *testing.M }

func (s suite) Run() int {
	agent, err := setUpCluster(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "set up:", err)
		return 1
	}
	defer agent.Stop()
	return s.tests.Run()
}

func setUpCluster(ctx context.Context) (*product.Agent, error) {
	bin = filepath.Join(bed.Dir, "bin")
	binaries, err := product.Build(ctx, bin)
	if err != nil {
		return nil, err
	}
	if err := os.Symlink(bed.Kubectl, filepath.Join(bin, "kubectl")); err != nil {
		return nil, err
	}
	if err := define(ctx, bed.Kubeconfig); err != nil {
		return nil, err
	}
	dir := filepath.Join(bed.Dir, "agent")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	return product.StartAgentAsService(ctx, bed.Kubectl, product.AgentOptions{
		Path: binaries.Agent, Kubeconfig: bed.Kubeconfig, Dir: dir,
		Args: []string{"--watch-label-selector=!shard", "--min-retry-delay=100ms", "--max-retry-delay=500ms"},
	})
}

// define installs what an OCIRepository is.
func define(ctx context.Context, kubeconfig string) error {
	root, err := product.Root(ctx)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(root, "manifests", "crd", "source.toolkit.fluxcd.io_ocirepositories.yaml"))
	if err != nil {
		return err
	}
	if _, err := kubectl(ctx, kubeconfig, string(raw), "apply", "--server-side", "-f", "-"); err != nil {
		return err
	}
	_, err = kubectl(ctx, kubeconfig, "", "wait", "--for=condition=Established", "--timeout=60s", "crd/ocirepositories.source.toolkit.fluxcd.io")
	return err
}

// kubectl returns what it printed.
func kubectl(ctx context.Context, kubeconfig, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, bed.Kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
