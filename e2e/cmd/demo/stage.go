package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

// stage is what the demo plays on.
type stage struct {
	dir      string // scratch
	root     string // of the repository
	kubectl  string
	cluster  string // kubeconfig
	registry string // host:port
	binaries product.Binaries
	agent    *product.Agent
	start    time.Time
	undo     []func() // last one first
}

func prepare(ctx context.Context) (_ *stage, err error) {
	s := &stage{start: time.Now()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.root, err = product.Root(ctx); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "kubectl-oci-demo-"); err != nil {
		return nil, err
	}
	s.onClose(func() { os.RemoveAll(s.dir) })
	s.say("building the plugin and the agent (a minute or two the first time)")
	if s.binaries, err = product.Build(ctx, filepath.Join(s.root, ".cache", "demo")); err != nil {
		return nil, err
	}
	s.cluster, s.registry = os.Getenv("DEMO_KUBECONFIG"), os.Getenv("DEMO_REGISTRY")
	if s.cluster != "" && s.registry != "" {
		return s, s.useCluster(ctx)
	}
	return s, s.startTestbed(ctx)
}

// useCluster takes the cluster that the environment names, unless the demo's agent would take somebody's objects over there.
func (s *stage) useCluster(ctx context.Context) (err error) {
	s.say("using the cluster of " + s.cluster)
	if s.kubectl, err = exec.LookPath("kubectl"); err != nil {
		return err
	}
	if !s.there(ctx, crd) {
		return nil
	}
	out, err := exec.CommandContext(ctx, s.kubectl, "--kubeconfig", s.cluster, "get", "ocirepositories", "-A", "-o", "name").Output()
	if err != nil {
		return fmt.Errorf("list ocirepositories: %w", err)
	}
	if len(out) > 0 {
		return errors.New("the cluster has OCIRepositories already, which the demo's agent would take over: use another one")
	}
	return nil
}

func (s *stage) startTestbed(ctx context.Context) error {
	s.say("starting a control plane and a registry on this machine (the first time they are built: about eight minutes)")
	tb, err := testbed.Start(ctx, testbed.Options{Kubectl: true, Log: os.Stderr})
	if err != nil {
		return err
	}
	s.onClose(tb.Stop)
	s.cluster, s.registry, s.kubectl = tb.Kubeconfig, tb.Registry.Host, tb.Kubectl
	return nil
}

func (s *stage) onClose(f func()) { s.undo = append(s.undo, f) }

func (s *stage) close() {
	for _, undo := range slices.Backward(s.undo) {
		undo()
	}
	s.undo = nil
}

// say prints what happens next, and the seconds since the start.
func (s *stage) say(what string) {
	fmt.Printf("\n[%5.1fs] %s\n", time.Since(s.start).Seconds(), what)
}

// command prints and runs a command line as a user would type it, and returns what it printed on standard output.
func (s *stage) command(ctx context.Context, stdin string, words ...string) (string, error) {
	fmt.Printf("$ %s\n", strings.Join(words, " "))
	path := map[string]string{"kubectl": s.kubectl, "kubectl-oci": s.binaries.Plugin}[words[0]]
	cmd := exec.CommandContext(ctx, path, words[1:]...)
	cmd.Dir = s.root
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.cluster)
	cmd.Stdin = strings.NewReader(stdin)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	err := cmd.Run()
	fmt.Print(out.String())
	if err != nil {
		return "", fmt.Errorf("%s: %w", cmp.Or(strings.Join(words, " "), path), errors.Join(err, s.agentTrouble()))
	}
	return strings.TrimSpace(out.String()), nil
}

// there tells whether the cluster has an object.
func (s *stage) there(ctx context.Context, name string) bool {
	return exec.CommandContext(ctx, s.kubectl, "--kubeconfig", s.cluster, "get", name).Run() == nil
}

// agentTrouble tells of an agent that died meanwhile.
func (s *stage) agentTrouble() error {
	if s.agent == nil {
		return nil
	}
	return s.agent.Err()
}

func (s *stage) lookAround() {
	fmt.Printf(`
Everything runs on until Ctrl-C. In another terminal:

  export KUBECONFIG=%s
  export PATH="%s:%s:$PATH"
  kubectl get ocirepositories -A
  kubectl oci push %s/org/app-config:v1.0.0 -f ./examples/app-config -a note=mine
  kubectl oci explain app-config -n flux-system --policy %s
  curl -s http://%s/metrics | grep gotk
  tail -f %s

The pages of docs/ on push, pull, build, list, inspect, diff, copy, tag, promote, sign, verify, update and get work here as they are, with %s
in place of docker.io. explain needs the --policy above, for the agent is no Pod here. What needs Pods does not work: install, Kustomizations and
other consumers, and pull ocirepository/NAME, which goes through the agent's Service.
`, s.cluster, filepath.Dir(s.binaries.Plugin), filepath.Dir(s.kubectl), s.registry, filepath.Join(s.dir, "policy.yaml"), s.agent.Metrics, filepath.Join(s.dir, "agent.log"), s.registry)
}
