package agent_test

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

// shardLabel on an object says which agent is to see it. Objects without it are for the shared one.
const shardLabel = "test.kubectl-oci.dev/agent"

// agent is a running agent under the shipped rights.
type agent struct {
	*product.Agent
	options agentOptions
	ended   bool // a test wanted it to end
}

type agentOptions struct {
	Dir     string   // of its store and its log
	Shard   string   // the label's value; empty: objects without the label
	Storage string   // address of its file server; empty: a free port
	Path    string   // of the program; empty: the agent itself
	Args    []string // further flags
	Env     []string
	Token   string // of its ServiceAccount; empty: with the rights that manifests/ give by default
	Policy  string // of the administrator; empty: registries on loopback are permitted
}

func startAgent(ctx context.Context, o agentOptions) (*agent, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(o.Dir, "kubeconfig")
	if err := control.writeKubeconfig(kubeconfig, cmp.Or(o.Token, control.token)); err != nil {
		return nil, err
	}
	selector := "!" + shardLabel
	if o.Shard != "" {
		selector = shardLabel + "=" + o.Shard
	}
	running, err := product.StartAgent(ctx, product.AgentOptions{
		Path:       cmp.Or(o.Path, binaries.Agent),
		Kubeconfig: kubeconfig,
		Dir:        o.Dir,
		Storage:    o.Storage,
		Args: append([]string{
			"--watch-label-selector=" + selector,
			"--min-retry-delay=100ms", "--max-retry-delay=500ms", "--concurrent=20", "--log-level=debug",
		}, o.Args...),
		Policy: o.Policy,
		Env:    append([]string{"GORACE=halt_on_error=1", "RUNTIME_NAMESPACE=" + agentNamespace}, o.Env...),
	})
	if err != nil {
		return nil, err
	}
	return &agent{Agent: running, options: o}, nil
}

// runAgent starts an agent that lives until the test ends or ends it. The agent's own death fails the test.
func runAgent(t *testing.T, o agentOptions) *agent {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	a, err := startAgent(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	endWith(t, a)
	return a
}

// endWith ends an agent when the test ends.
func endWith(t *testing.T, a *agent) {
	t.Cleanup(func() {
		if err := a.Err(); err != nil && !a.ended {
			t.Error(err)
		}
		a.Stop()
	})
}

// again starts an agent in the place of one that has ended: with its store, its address and its objects.
func (a *agent) again(t *testing.T) *agent {
	t.Helper()
	o := a.options
	o.Storage = a.Storage
	return runAgent(t, o)
}

// kill ends the agent as a power cut would.
func (a *agent) kill() {
	a.ended = true
	a.Stop()
}

// terminate asks the agent to end, as the kubelet does, and waits for it.
func (a *agent) terminate(t *testing.T) {
	t.Helper()
	a.ended = true
	a.Signal(syscall.SIGTERM)
	select {
	case <-a.Done():
	case <-soon(t).Done():
		t.Fatal("the agent does not end")
	}
}
