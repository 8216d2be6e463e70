package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
	"github.com/kubectl-oci/kubectl-oci/e2e/node"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

// serve runs a testbed until ctx ends, which is no error, or a part of it dies.
func serve(ctx context.Context, o testbed.Options, stdout io.Writer) error {
	began := time.Now()
	tb, err := testbed.Start(ctx, o)
	if err != nil {
		return err
	}
	defer tb.Stop()
	fmt.Fprintf(stdout, "testbed ready after %.1fs: registry %s, env file %s\n", time.Since(began).Seconds(), tb.Registry.URL(), tb.Env)
	select {
	case <-ctx.Done():
		return nil
	case <-tb.Done():
		return tb.Err()
	}
}

// build fills the cache.
func build(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("testbed build", flag.ContinueOnError)
	flags.SetOutput(stderr)
	kubectl := flags.Bool("kubectl", false, "build kubectl too")
	flux := flags.Bool("flux", false, "build Flux's kustomize-controller too")
	withNode := flags.Bool("node", false, "build a node's programs too: kubelet, containerd, runc and what else Pods need, where this machine can run one")
	cosign := flags.Bool("cosign", false, "build sigstore's cosign too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	builder, err := controlplane.NewBuilder(stderr)
	if err != nil {
		return err
	}
	if _, err := builder.Build(ctx); err != nil {
		return err
	}
	buildNode := func(ctx context.Context) (string, error) {
		if lacks := node.Lacks(); len(lacks) > 0 {
			return "", sayLacks(stderr) // its tests say so again
		}
		_, err := builder.BuildNode(ctx)
		return "", err
	}
	for _, more := range []struct {
		wanted bool
		build  func(context.Context) (string, error)
	}{{*kubectl, builder.Kubectl}, {*flux, builder.KustomizeController}, {*cosign, builder.Cosign}, {*withNode, buildNode}} {
		if !more.wanted {
			continue
		}
		if _, err := more.build(ctx); err != nil {
			return err
		}
	}
	return nil
}

// errLacking is that something is lacking, which was said.
var errLacking = errors.New("this machine runs no node")

func lacking(w io.Writer) error {
	if err := sayLacks(w); err != nil || len(node.Lacks()) == 0 {
		return err
	}
	return errLacking
}

// sayLacks says what is not run on this machine, and why; on one that can run a node it says nothing.
func sayLacks(w io.Writer) error {
	if lacks := node.Lacks(); len(lacks) > 0 {
		fmt.Fprint(w, node.NotRun(lacks))
	}
	return nil
}
