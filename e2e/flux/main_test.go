package flux_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
	"github.com/kubectl-oci/kubectl-oci/e2e/fluxcd"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

// What all tests share.
var (
	bed       *testbed.Testbed // of which the registry is used
	root      string           // of the repository
	binaries  product.Binaries
	programs  Programs
	flux      *fluxcd.Generator
	whole     *cluster // with all that manifests/ install
	inherited *cluster // with Flux's definitions, and manifests/agent
)

// Programs that this project did not write.
type Programs struct {
	controlplane.Binaries
	kubectl, kustomizeController string
}

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	flag.Set("test.parallel", "8") // the tests wait for most of their time
	flag.Parse()
	os.Exit(testbed.Run(suite{m}, testbed.Options{RegistryOnly: true}, func(tb *testbed.Testbed) { bed = tb }))
}

// suite is the tests, with what they share around them.
type suite struct{ tests *testing.M }

func (s suite) Run() int {
	defer func() {
		for _, c := range []*cluster{whole, inherited} {
			c.stop()
		}
	}()
	if err := setUp(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "set up:", err)
		return 1
	}
	return s.tests.Run()
}

func setUp(ctx context.Context) (err error) {
	if root, err = product.Root(ctx); err != nil {
		return err
	}
	if binaries, err = product.Build(ctx, filepath.Join(root, ".cache", "race"), "-race"); err != nil {
		return err
	}
	if err = programs.build(ctx); err != nil {
		return err
	}
	if flux, err = fluxcd.New(); err != nil {
		return err
	}
	return startClusters(ctx)
}

func (p *Programs) build(ctx context.Context) error {
	builder, err := controlplane.NewBuilder(os.Stderr)
	if err != nil {
		return err
	}
	if p.Binaries, err = builder.Build(ctx); err != nil {
		return err
	}
	if p.kubectl, err = builder.Kubectl(ctx); err != nil {
		return err
	}
	p.kustomizeController, err = builder.KustomizeController(ctx)
	return err
}

func startClusters(ctx context.Context) error {
	ours, err := shippedDefinition()
	if err != nil {
		return err
	}
	theirs, kustomization := flux.Definition(fluxcd.SourcesGroup, fluxcd.OCIRepository), flux.Definition(fluxcd.KustomizeGroup, "Kustomization")
	var errs [2]error
	var starts sync.WaitGroup
	starts.Go(func() { whole, errs[0] = startCluster(ctx, "whole", "manifests", ours, kustomization) })
	starts.Go(func() { inherited, errs[1] = startCluster(ctx, "inherited", "manifests/agent", theirs, kustomization) })
	starts.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
