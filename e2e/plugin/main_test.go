package plugin_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
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
	return expose(ctx, binaries.Agent)
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

// The Pod is this machine: the API server's proxy leads only to addresses of Pods, and never to loopback. On no node, it would not become an
// endpoint by itself.
const pod = `apiVersion: v1
kind: Namespace
metadata: {name: agent-here}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: agent-here}
spec: {containers: [{name: agent, image: none}]}
---
apiVersion: v1
kind: Service
metadata: {name: agent, namespace: agent-here}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: agent, namespace: agent-here}
subsets:
  - addresses: [{ip: %s, targetRef: {kind: Pod, name: agent, namespace: agent-here}}]
    ports: [{name: http, port: %s}]
`

const podStatus = `{"status":{"phase":"Running","podIP":%q,"podIPs":[{"ip":%q}]}}`

// expose runs the agent at an address of this machine behind a Service.
func expose(ctx context.Context, path string) (*product.Agent, error) {
	here, err := outward()
	if err != nil {
		return nil, err
	}
	address, err := product.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, err := kubectl(ctx, bed.Kubeconfig, fmt.Sprintf(pod, here, port), "create", "-f", "-"); err != nil {
		return nil, err
	}
	if _, err := kubectl(ctx, bed.Kubeconfig, "", "patch", "pod/agent", "-n", "agent-here", "--subresource=status",
		"--type=merge", "-p", fmt.Sprintf(podStatus, here, here)); err != nil {
		return nil, err
	}
	dir := filepath.Join(bed.Dir, "agent")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	return product.StartAgent(ctx, product.AgentOptions{
		Path: path, Kubeconfig: bed.Kubeconfig, Dir: dir, Storage: net.JoinHostPort(here, port),
		Args: []string{"--storage-adv-addr=agent.agent-here.svc", "--watch-label-selector=!shard", "--min-retry-delay=100ms", "--max-retry-delay=500ms"},
		Env:  []string{"RUNTIME_NAMESPACE=agent-here"},
	})
}

// outward is an address of this machine that is not for itself alone.
func outward() (string, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String(), nil
		}
	}
	return "", errors.New("this machine has no address but loopback: the API server's proxy leads to none of those")
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
