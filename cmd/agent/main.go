// Command agent polls OCIRepository objects and exposes their artifacts inside the cluster. It stands in for Flux's
// source-controller: the flags that a Deployment of that one has mean the same here or are ignored with a word in the log.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	opts, err := parse(os.Args[1:], os.Getenv, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		fmt.Fprintln(os.Stderr, "agent:", err, "(agent --help lists the flags)")
		os.Exit(2)
	case opts.version:
		fmt.Println("agent", buildVersion())
		return
	}
	log := newLog(os.Stderr, opts)
	useForLibraries(log)
	if err := serve(log, opts); err != nil {
		log.Error("the agent stops", "error", err)
		os.Exit(1)
	}
}

// serve runs the agent until it is told to stop. A second signal ends the process at once.
func serve(log *slog.Logger, opts *options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	log.Info("the agent starts", "version", buildVersion(), "go", runtime.Version())
	for _, name := range opts.ignored {
		log.Info("a flag has no meaning here and is ignored", "flag", name)
	}
	err := run(ctx, log, opts)
	if unreachable, ok := errors.AsType[*url.Error](err); ok { // nobody else is asked anything that the agent would end for
		return fmt.Errorf("reach the API server: %w", unreachable)
	}
	return err
}

// useForLibraries has the Kubernetes libraries write to the same log. They know global loggers only.
func useForLibraries(log *slog.Logger) {
	sink := logr.FromSlogHandler(log.Handler())
	ctrl.SetLogger(sink)
	klog.SetLogger(sink)
}
