package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"github.com/kubectl-oci/kubectl-oci/pkg/controller"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// warmUp is how long a replica may take to fetch from others what it is to serve, before it serves anyway.
const warmUp = time.Minute

// addReadiness makes the probe pass when this replica has what the others have, until it is told to stop: then no Service shall send it
// downloads any more, while it serves on.
func addReadiness(ctx context.Context, mgr ctrl.Manager, reconciler *controller.Reconciler) error {
	warm := controller.NewWarmUp(reconciler, warmUp)
	return errors.Join(
		mgr.Add(warm),
		mgr.AddReadyzCheck("artifacts", warm.Check),
		mgr.AddReadyzCheck("stop", until(ctx)),
	)
}

func until(ctx context.Context) healthz.Checker {
	return func(*http.Request) error {
		if ctx.Err() != nil {
			return errors.New("the agent stops")
		}
		return nil
	}
}

func newRefill(opts *options, reconciler *controller.Reconciler, artifacts *source.Source) *controller.Refill {
	refill := &controller.Refill{Reconciler: reconciler, Source: artifacts, Selector: opts.selector}
	if !opts.allNamespaces {
		refill.Namespace = opts.namespace
	}
	return refill
}

// serveThroughout serves while the rest of the agent runs, and on until the rest has ended: the lease is another replica's before the
// last download begins here. All of it together has the grace period, from when the context is done. Where that was enough, what is
// left to do is done last.
//
// A rest that ends by itself has lost the lease, and may have work under way that it cannot stop. The process has to be gone before
// another replica may hold the lease, which is when it expires: then nothing is done last.
func serveThroughout(ctx context.Context, opts *options, serve, rest func(context.Context) error, last func()) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	served := make(chan error, 1)
	go func() {
		served <- serve(serving)
		stop()
	}()
	late := later(ctx, opts.grace)
	err := rest(ctx)
	if err != nil {
		late = later(ctx, min(opts.grace, opts.leaseDuration-opts.renew))
	}
	stop()
	end()
	select {
	case failed := <-served:
		if err == nil {
			last()
		}
		return errors.Join(err, failed)
	case <-late:
		return err // the end of the process cuts what still goes on
	}
}

// later is closed some time after the context is done.
func later(ctx context.Context, wait time.Duration) <-chan struct{} {
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(wait, func() { close(late) }) })
	return late
}
