package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
	"github.com/kubectl-oci/kubectl-oci/e2e/process"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// startTime bounds the start of a node that is built.
const startTime = 3 * time.Minute

// Node is a running cluster of one node. The test is on the node, too: all addresses of the cluster are within its reach.
type Node struct {
	Dir        string        // run folder
	Kubeconfig string        // for cluster-admin
	Kubectl    string        // path
	CA         string        // path of the authority that the registry's certificate is from
	Started    time.Duration // how long the start took

	plane    *controlplane.ControlPlane
	programs *process.Group
	registry *registry.Registry
	server   *http.Server
}

// build makes what the node runs, where there is a network.
func build(ctx context.Context, dir string, log io.Writer) error {
	if _, _, _, err := programs(ctx, log); err != nil {
		return err
	}
	root, err := product.Root(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(dir, WorkloadProgram), "./cmd/workload")
	cmd.Dir = filepath.Join(root, "e2e")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build workload: %w\n%s", err, out)
	}
	return nil
}

func programs(ctx context.Context, log io.Writer) (plane controlplane.Binaries, own controlplane.NodeBinaries, kubectl string, err error) {
	builder, err := controlplane.NewBuilder(log)
	if err != nil {
		return plane, own, "", err
	}
	if plane, err = builder.Build(ctx); err != nil {
		return plane, own, "", err
	}
	if own, err = builder.BuildNode(ctx); err != nil {
		return plane, own, "", err
	}
	kubectl, err = builder.Kubectl(ctx)
	return plane, own, kubectl, err
}

// launch starts the node. It leaves nothing running when it fails.
func launch(ctx context.Context, dir string, log io.Writer) (*Node, error) {
	plane, own, kubectl, err := programs(ctx, log)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	began := time.Now()
	n := &Node{Dir: dir, Kubectl: kubectl, CA: filepath.Join(dir, "pki", "ca.crt"), programs: process.NewGroup()}
	if n.plane, err = controlplane.StartAt(ctx, plane, dir, net.ParseIP(Address)); err != nil {
		return nil, err
	}
	n.Kubeconfig = n.plane.Kubeconfig
	if err := n.start(ctx, own); err != nil {
		n.stop()
		return nil, err
	}
	n.Started = time.Since(began)
	return n, nil
}

func (n *Node) start(ctx context.Context, own controlplane.NodeBinaries) error {
	if err := n.startRegistry(ctx); err != nil {
		return err
	}
	sandbox, err := n.pushSandbox(ctx)
	if err != nil {
		return err
	}
	l := layout{dir: n.Dir, group: os.Getenv(groupVariable), sandbox: sandbox, NodeBinaries: own, dns: n.Kubeconfig}
	if err := n.introduce(&l); err != nil {
		return err
	}
	if err := l.write(); err != nil {
		return err
	}
	for _, c := range l.commands() {
		p, err := n.programs.Start(c)
		if err != nil {
			return err
		}
		select {
		case <-p.Ready():
		case <-n.programs.Done():
			return n.programs.Err()
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", c.Name, ctx.Err())
		}
	}
	return n.untilReady(ctx)
}

// introduce makes the node's programs users of the cluster, and gives the kubelet a certificate to serve with.
func (n *Node) introduce(l *layout) error {
	for user, path := range map[*pki.Subject]*string{
		{Name: "system:kube-scheduler"}:                                 &l.scheduler,
		{Name: "system:kube-proxy"}:                                     &l.proxy,
		{Name: "system:node:" + Name, Groups: []string{"system:nodes"}}: &l.kubelet,
	} {
		written, err := n.plane.WriteKubeconfig(*user)
		if err != nil {
			return err
		}
		*path = written
	}
	return n.issue(pki.Subject{Name: Name, DNS: []string{Name}, IPs: []net.IP{net.ParseIP(Address)}}, l.path("kubelet.crt"), l.path("kubelet.key"))
}

func (n *Node) issue(subject pki.Subject, cert, key string) error {
	pair, err := n.plane.CA.Issue(subject)
	if err != nil {
		return err
	}
	if err := os.WriteFile(cert, pair.Cert, 0o600); err != nil {
		return err
	}
	return os.WriteFile(key, pair.Key, 0o600)
}

// untilReady asks the API server until the kubelet says that Pods can run.
func (n *Node) untilReady(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ready, err := n.isReady(ctx)
		if err == nil && ready {
			return nil
		}
		select {
		case <-tick.C:
		case <-n.programs.Done():
			return n.programs.Err()
		case <-ctx.Done():
			return fmt.Errorf("wait for the node to be ready: %w", ctx.Err())
		}
	}
}

func (n *Node) isReady(ctx context.Context) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.plane.URL+"/api/v1/nodes/"+Name, nil)
	if err != nil {
		return false, err
	}
	resp, err := n.plane.Client.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	var found corev1.Node
	if err := json.NewDecoder(resp.Body).Decode(&found); err != nil {
		return false, err
	}
	for _, c := range found.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue, nil
		}
	}
	return false, nil
}

// stop stops the node's programs. Pods that still run end with the namespaces.
func (n *Node) stop() {
	n.programs.Stop()
	n.plane.Stop()
	if n.server != nil {
		n.server.Close()
	}
	if n.registry != nil {
		n.registry.Stop()
	}
}
