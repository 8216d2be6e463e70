// Package testbed is everything that the product talks to, real and on this machine: a Kubernetes control plane, and a
// distribution registry behind a proxy that counts requests and injects faults. All ports are free ones of 127.0.0.1, all files
// lie in one folder, nothing needs root, and several testbeds run side by side.
//
//	tb, err := testbed.Start(ctx, testbed.Options{Log: os.Stderr})
//	defer tb.Stop()
//	// tb.Kubeconfig, tb.Registry.Host, tb.Registry.Proxy.Counts() …
//
// A test package shares one through TestMain:
//
//	var shared *testbed.Testbed
//
//	func TestMain(m *testing.M) {
//		os.Exit(testbed.Run(m, testbed.Options{Log: os.Stderr}, func(tb *testbed.Testbed) { shared = tb }))
//	}
//
// A test that needs a registry of another kind starts it beside with registry.For.
package testbed

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// Options of a testbed. The zero value is a control plane and a plain-HTTP registry without authentication.
type Options struct {
	// Dir is the run folder; it must not exist or be empty. What explains a failure stays in it: the logs. Empty: a
	// temporary folder of which nothing stays.
	Dir string
	// Registry options; its blobs are kept in the run folder, where they do not use up memory, unless Registry.Dir says
	// otherwise.
	Registry registry.Options
	// RegistryOnly leaves the control plane out.
	RegistryOnly bool
	// Kubectl builds a kubectl too and names it in the env file.
	Kubectl bool
	// Log is told what is being built and how long it takes; nil: nobody.
	Log io.Writer
}

// Testbed is a running testbed.
type Testbed struct {
	Dir        string // run folder, absolute
	Env        string // path of the env file
	Kubeconfig string // path; for cluster-admin; empty with RegistryOnly
	Kubectl    string // path; empty unless asked for
	Registry   *registry.Registry
	Cluster    *controlplane.ControlPlane // nil with RegistryOnly

	temporary bool
	once      sync.Once
}

// Start builds what is missing and starts a testbed. ctx bounds the start alone. Stop must be called.
func Start(ctx context.Context, o Options) (*Testbed, error) {
	tb, err := newTestbed(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("start testbed: %w", err)
	}
	if err := tb.start(ctx, o); err != nil {
		tb.Stop()
		return nil, fmt.Errorf("start testbed: %w", err)
	}
	return tb, nil
}

// Stop stops everything and removes the run folder's files, save the logs of a folder that was named. It may be called again.
func (tb *Testbed) Stop() {
	tb.once.Do(func() {
		if tb.Cluster != nil {
			tb.Cluster.Stop()
		}
		if tb.Registry != nil {
			tb.Registry.Stop()
		}
		tb.clean()
	})
}

// Done is closed when the control plane has ended: a part of it died, or Stop was called. It is nil, which blocks for
// ever, with RegistryOnly.
func (tb *Testbed) Done() <-chan struct{} {
	if tb.Cluster == nil {
		return nil
	}
	return tb.Cluster.Done()
}

// Err says which part died, and how; nil while all run and after Stop.
func (tb *Testbed) Err() error {
	if tb.Cluster == nil {
		return nil
	}
	return tb.Cluster.Err()
}

// Run starts a testbed, hands it to use, runs the tests and stops it; SIGINT and SIGTERM stop it before they end the tests. It returns what
// os.Exit wants.
func Run(m interface{ Run() int }, o Options, use func(*Testbed)) int {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	tb, err := Start(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer tb.Stop()
	stop := context.AfterFunc(ctx, func() {
		tb.Stop()
		cancel() // gives signals their default effect back
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	})
	defer stop()
	use(tb)
	return m.Run()
}

func newTestbed(dir string) (*Testbed, error) {
	if dir == "" {
		dir, err := os.MkdirTemp("", "testbed-")
		return &Testbed{Dir: dir, temporary: true}, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("run folder %q is not empty", dir)
	}
	return &Testbed{Dir: dir}, nil
}

func (tb *Testbed) start(ctx context.Context, o Options) (err error) {
	if o.Registry.Dir == "" {
		o.Registry.Dir = filepath.Join(tb.Dir, "registry")
	}
	if tb.Registry, err = registry.Start(ctx, o.Registry); err != nil {
		return err
	}
	if !o.RegistryOnly {
		if err := tb.startCluster(ctx, o); err != nil {
			return err
		}
	}
	return tb.writeEnv(o.Registry)
}

func (tb *Testbed) startCluster(ctx context.Context, o Options) error {
	builder, err := controlplane.NewBuilder(o.Log)
	if err != nil {
		return err
	}
	binaries, err := builder.Build(ctx)
	if err != nil {
		return err
	}
	if o.Kubectl {
		if tb.Kubectl, err = builder.Kubectl(ctx); err != nil {
			return err
		}
	}
	if tb.Cluster, err = controlplane.Start(ctx, binaries, tb.Dir); err != nil {
		return err
	}
	tb.Kubeconfig = tb.Cluster.Kubeconfig
	return nil
}

func (tb *Testbed) clean() {
	if tb.temporary {
		os.RemoveAll(tb.Dir)
		return
	}
	entries, _ := os.ReadDir(tb.Dir)
	for _, e := range entries {
		if e.Name() != "log" {
			os.RemoveAll(filepath.Join(tb.Dir, e.Name()))
		}
	}
}
