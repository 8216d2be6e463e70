// Command testbed runs a Kubernetes control plane and a registry on this machine until it is told to stop.
//
//	testbed [flags]      start, print one line when ready, run until SIGINT or SIGTERM
//	testbed build        build the control plane into the cache, with -kubectl, -flux, -cosign and -node those programs too
//	testbed lacks        say what this machine lacks for the tests on a real node, which are not run on it then; exits with 1 where it does
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		if !errors.Is(err, errLacking) {
			fmt.Fprintln(os.Stderr, "testbed:", err)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "build" {
		return build(ctx, args[1:], stderr)
	}
	if len(args) == 1 && args[0] == "lacks" {
		return lacking(stderr)
	}
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	return serve(ctx, o, stdout)
}
