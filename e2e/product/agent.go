package product

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/process"
)

// AgentOptions say how an agent runs. Path, Kubeconfig and Dir are required.
type AgentOptions struct {
	Path       string   // of the program
	Kubeconfig string   // of the cluster
	Dir        string   // for its store and its log; may be used again by the next agent
	Storage    string   // host:port of its file server; empty: a free port
	Args       []string // further flags
	Env        []string // NAME=value, added to this process's environment
	Policy     string   // of the administrator; empty: OnLoopback
}

// OnLoopback is a policy that permits everything but link-local addresses. By itself the agent connects to no registry on its own
// machine, where those of tests are.
const OnLoopback = `apiVersion: policy.kubectl-oci.dev/v1alpha1
kind: SourcePolicy
rules:
  - insecure: true
    addresses: [public, private, loopback]
`

// Agent is a running agent. Its addresses are on loopback.
type Agent struct {
	*process.Process
	Storage, Metrics, Health string // host:port
}

// StartAgent starts an agent and waits until it is ready. Stop must be called.
func StartAgent(ctx context.Context, o AgentOptions) (*Agent, error) {
	a := &Agent{Storage: o.Storage}
	if err := a.chooseAddresses(ctx); err != nil {
		return nil, err
	}
	policy := filepath.Join(o.Dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(cmp.Or(o.Policy, OnLoopback)), 0o600); err != nil {
		return nil, fmt.Errorf("write policy: %w", err)
	}
	args := []string{
		"--policy=" + policy,
		"--kubeconfig=" + o.Kubeconfig,
		"--storage-path=" + filepath.Join(o.Dir, "store"),
		"--storage-addr=" + a.Storage,
		"--storage-adv-addr=" + a.Storage,
		"--metrics-addr=" + a.Metrics,
		"--health-addr=" + a.Health,
	}
	var err error
	a.Process, err = process.Start(process.Command{
		Name: "agent",
		Path: o.Path,
		Args: append(args, o.Args...),
		Env:  append(os.Environ(), o.Env...),
		Log:  filepath.Join(o.Dir, "agent.log"),
	})
	if err != nil {
		return nil, err
	}
	if err := a.until(ctx, "/readyz"); err != nil {
		a.Stop()
		return nil, fmt.Errorf("start agent: %w", err)
	}
	return a, nil
}

// Terminate asks the agent to end and waits until it has.
func (a *Agent) Terminate(ctx context.Context) error {
	a.Signal(syscall.SIGTERM)
	select {
	case <-a.Done():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *Agent) until(ctx context.Context, probe string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !a.Answers(ctx, probe) {
		select {
		case <-tick.C:
		case <-a.Done():
			return a.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Answers tells whether a probe, /readyz or /healthz, passes.
func (a *Agent) Answers(ctx context.Context, probe string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.Health+probe, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// chooseAddresses finds those that are not chosen yet.
func (a *Agent) chooseAddresses(ctx context.Context) (err error) {
	for _, address := range []*string{&a.Storage, &a.Metrics, &a.Health} {
		if *address == "" {
			if *address, err = FreeAddress(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// Ports that no system hands out by itself: one of those could be taken by any connection before the agent listens.
const firstPort, lastPort = 20_000, 32_000

// FreeAddress gives a loopback address that nobody listens on, and that stays free for an agent that ends and starts again.
func FreeAddress(ctx context.Context) (string, error) {
	for {
		port := firstPort + rand.IntN(lastPort-firstPort) //nolint:gosec // no secret
		mine, err := reserve(port)
		if err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
		if !mine {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		free, err := isFree(ctx, address)
		if free || err != nil {
			return address, err
		}
	}
}

// reserve has other test programs leave a port alone until this one ends: all of them choose, and it takes a while until somebody listens.
func reserve(port int) (mine bool, err error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("kubectl-oci-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	fd, err := syscall.Open(filepath.Join(dir, fmt.Sprint(port)), syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return false, err
	}
	err = syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return true, nil // the lock is for as long as the descriptor is open
	}
	_ = syscall.Close(fd)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return false, err
}

func isFree(ctx context.Context, address string) (bool, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("find a free port: %w", err)
	}
	return true, l.Close()
}
