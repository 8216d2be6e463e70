// Command kubectl-oci is the kubectl plugin: it packs folders of Kubernetes configs into OCI artifacts, pushes and pulls
// them. kubectl finds it on the PATH and runs it as "kubectl oci".
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	_ "github.com/kubectl-oci/kubectl-oci/pkg/start" // no garbage is collected before there is some
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process, whatever it hangs in
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	code := execute(ctx, os.Args[1:], streams)
	stop()
	os.Exit(code)
}
