// Command peer pushes or pulls an artifact with Flux's own library, for benchmarks to compare with.
//
//	peer push HOST/REPOSITORY:TAG FOLDER
//	peer pull HOST/REPOSITORY:TAG FOLDER
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/fluxcd/pkg/oci"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("three arguments, not %d", len(args))
	}
	client := oci.NewClient(oci.DefaultOptions())
	var err error
	switch verb, reference, folder := args[0], args[1], args[2]; verb {
	case "push":
		_, err = client.Push(ctx, reference, folder)
	case "pull":
		_, err = client.Pull(ctx, reference, folder)
	default:
		err = fmt.Errorf("unknown verb %q", verb)
	}
	return err
}
