package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

type keygenOptions struct {
	password
	to string
}

func newKeygenCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &keygenOptions{}
	cmd := &cobra.Command{
		Use:   "keygen [--to NAME]",
		Short: "Make a key pair to sign artifacts with",
		Long: `Make a key pair as cosign does: NAME.key, the private key, encrypted with a password, and NAME.pub, the public one. Files that
exist are never overwritten.

The password comes from ` + passwordVariable + `, a prompt, or standard input.

Prints the public key's file.`,
		Example: `  # cosign.key and cosign.pub
  kubectl oci keygen

  # payments.key and payments.pub
  kubectl oci keygen --to payments`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.to == "" {
				return usageError{errors.New("the files need a name: give one with --to")}
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.to, "to", "cosign", "path of the files, without .key and .pub")
	return cmd
}

func (o *keygenOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	privateFile, publicFile := o.to+".key", o.to+".pub"
	for _, path := range []string{privateFile, publicFile} {
		if !absent(path) { // seen before a password is asked for
			return fmt.Errorf("write %q: %w", path, errExists)
		}
	}
	secret, err := o.read(ctx, streams, true)
	if err != nil {
		return err
	}
	private, public, err := signature.GenerateKeyPair(secret)
	if err != nil {
		return err
	}
	if err := writeNew(privateFile, private, 0o600); err != nil {
		return err
	}
	if err := writeNew(publicFile, public, 0o644); err != nil {
		return errors.Join(err, os.Remove(privateFile))
	}
	newReporter(streams.ErrOut).line("wrote %s, to be kept secret, and %s", privateFile, publicFile)
	_, err = fmt.Fprintln(streams.Out, publicFile)
	return err
}

var errExists = errors.New("it exists, and a key that is overwritten is lost: name another with --to")

// writeNew writes a file that does not exist, whole or not at all.
func writeNew(path string, content []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		err = errExists
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", path, cause(err))
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %q: %w", path, cause(err)), os.Remove(path))
	}
	return nil
}
