// Command demo shows the whole promise on real parts: it pushes a folder of configs, has the agent expose it, downloads what is
// exposed, pushes a change and watches it arrive. Every command that a user would type is printed and really run.
//
// It starts a testbed of its own unless both DEMO_KUBECONFIG and DEMO_REGISTRY (host:port) are set: then it uses that cluster and that
// registry, and removes what it made. A cluster that has OCIRepositories already is left alone. KEEP=1 leaves everything running until Ctrl-C, and says how to look around.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	s, err := prepare(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.tell(ctx); err != nil {
		return err
	}
	if os.Getenv("KEEP") == "" {
		return nil
	}
	s.lookAround()
	<-ctx.Done()
	return nil
}
