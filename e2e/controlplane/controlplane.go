package controlplane

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
	"github.com/kubectl-oci/kubectl-oci/e2e/process"
)

// attempts to start with other ports, where another program took one between choosing and listening.
const attempts = 5

// ControlPlane is a running control plane.
type ControlPlane struct {
	URL        string       // of the API server
	Kubeconfig string       // path of a self-contained one for cluster-admin
	Client     *http.Client // authenticated as cluster-admin
	CA         *pki.CA      // who it trusts

	layout   layout
	programs *process.Group
}

// Start starts a control plane whose files lie below dir, an existing folder, and returns when the API server is ready
// and the default ServiceAccount is there. ctx bounds the start alone. Stop must be called.
func Start(ctx context.Context, b Binaries, dir string) (*ControlPlane, error) {
	return start(ctx, b, layout{dir: dir}, freePorts)
}

// StartAt is Start for a cluster that has nodes: the API server listens on all addresses, for Pods is at this one of the machine, and may
// speak to kubelets whose certificates are from CA.
func StartAt(ctx context.Context, b Binaries, dir string, address net.IP) (*ControlPlane, error) {
	return start(ctx, b, layout{dir: dir, address: address}, freePorts)
}

// WriteKubeconfig writes one for another user of the cluster into the folder of the control plane, and returns its path.
func (c *ControlPlane) WriteKubeconfig(user pki.Subject) (string, error) {
	name := strings.ReplaceAll(user.Name, ":", "-") + ".kubeconfig"
	_, err := c.layout.writeKubeconfig(c.CA, name, user)
	return c.layout.path(name), err
}

// Stop kills all parts and waits until they are gone. It may be called again.
func (c *ControlPlane) Stop() {
	c.programs.Stop()
	c.Client.CloseIdleConnections()
}

// Done is closed when no part runs any more.
func (c *ControlPlane) Done() <-chan struct{} { return c.programs.Done() }

// Err says which part died, and how; nil while all run and after Stop.
func (c *ControlPlane) Err() error { return c.programs.Err() }

func start(ctx context.Context, b Binaries, l layout, ports func(n int) ([]int, error)) (*ControlPlane, error) {
	dir, err := filepath.Abs(l.dir)
	if err != nil {
		return nil, fmt.Errorf("start control plane: %w", err)
	}
	l.dir = dir
	for attempt := 1; ; attempt++ {
		c, err := launch(ctx, b, l, ports)
		if err == nil {
			return c, nil
		}
		if attempt == attempts || !strings.Contains(err.Error(), "address already in use") {
			return nil, fmt.Errorf("start control plane: %w", err)
		}
	}
}

// launch is one attempt. It leaves nothing running when it fails.
func launch(ctx context.Context, b Binaries, l layout, ports func(n int) ([]int, error)) (*ControlPlane, error) {
	if err := os.RemoveAll(l.path("etcd")); err != nil {
		return nil, err
	}
	numbers, err := ports(3)
	if err != nil {
		return nil, err
	}
	l.clientPort, l.peerPort, l.apiPort = numbers[0], numbers[1], numbers[2]
	ca, err := pki.NewCA("testbed cluster authority")
	if err != nil {
		return nil, err
	}
	client, err := l.write(ca)
	if err != nil {
		return nil, err
	}
	c := &ControlPlane{URL: l.url(), Kubeconfig: l.path("kubeconfig"), Client: client, CA: ca, layout: l, programs: process.NewGroup()}
	if err := c.startParts(ctx, b, l); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *ControlPlane) startParts(ctx context.Context, b Binaries, l layout) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-c.Done():
			cancel(c.Err())
		case <-ctx.Done():
		}
	}()
	if err := c.startPart(ctx, l.etcd(b), nil); err != nil {
		return err
	}
	if err := c.startPart(ctx, l.apiServer(b), c.untilReady); err != nil {
		return err
	}
	return c.startPart(ctx, l.controllerManager(b), c.untilServiceAccount)
}

// startPart starts one program and waits until it says that it is ready and the condition, if any, holds. ctx ends when
// any part dies.
func (c *ControlPlane) startPart(ctx context.Context, command process.Command, until func(context.Context) error) error {
	p, err := c.programs.Start(command)
	if err != nil {
		return err
	}
	select {
	case <-p.Ready():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if until == nil {
		return nil
	}
	if err := until(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("wait for %s: %w", command.Name, err)
	}
	return nil
}

// freePorts chooses ports that nobody listens on. They are all held until the last is chosen, so that they differ.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, fmt.Errorf("choose a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
