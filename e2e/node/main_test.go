//go:build linux

package node_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/node"
)

// The node that all tests share; nil where this machine has none and that is permitted.
var shared *node.Node

func TestMain(m *testing.M) {
	os.Exit(node.Run(m, node.Options{Log: os.Stderr}, func(n *node.Node) { shared = n }))
}

// here is the node, or the end of the test.
func here(t *testing.T) *node.Node {
	t.Helper()
	if shared == nil {
		t.Skip("E2E_NODE is optional, and this machine lacks: " + strings.Join(node.Lacks(), "; "))
	}
	return shared
}

// kubectl returns what it printed; the test ends where it fails.
func kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := tryKubectl(t, stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryKubectl(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, shared.Kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+shared.Kubeconfig)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
