package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

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
		Long: `Make a key pair as cosign does: NAME.key, the private key, encrypted with a password, and NAME.pub, the public one; or a Secret that
holds both and the password; or a key in a key service, which nobody ever sees. What exists is never overwritten.

The password comes from ` + passwordVariable + `, a prompt, or standard input.

Prints what verifies: the public key's file, or the place that was given.`,
		Example: `  # cosign.key and cosign.pub
  kubectl oci keygen

  # payments.key and payments.pub
  kubectl oci keygen --to payments

  # A Secret in the cluster, in kubectl's current context
  kubectl oci keygen --to k8s://payments/signing

  # In a key service, which has to know who asks: here, by VAULT_ADDR and VAULT_TOKEN
  kubectl oci keygen --to hashivault://payments`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.to == "" {
				return usageError{errors.New("the files need a name: give one with --to")}
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.to, "to", "cosign", "path of the files, without .key and .pub; or k8s://NAMESPACE/SECRET, or a key service's URI")
	return cmd
}

func (o *keygenOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	result := o.to
	var err error
	switch scheme, place, ok := strings.Cut(o.to, "://"); {
	case scheme == "k8s":
		err = o.toSecret(ctx, place, streams, report)
	case scheme == "env" && ok:
		err = usageError{errors.New("keygen sets no variable: name files, or k8s://NAMESPACE/SECRET, with --to")}
	case ok && o.stdin:
		err = usageError{errors.New("a key in a key service has no password: leave out --password-stdin")}
	case ok:
		if err = makeServiceKey(ctx, o.to); err == nil {
			report.line("made %s", o.to)
		}
	default:
		result, err = o.toFiles(ctx, streams, report)
	}
	if err == nil {
		_, err = fmt.Fprintln(streams.Out, result)
	}
	return err
}

// toFiles gives the public key's.
func (o *keygenOptions) toFiles(ctx context.Context, streams genericiooptions.IOStreams, report *reporter) (string, error) {
	privateFile, publicFile := o.to+".key", o.to+".pub"
	for _, path := range []string{privateFile, publicFile} {
		if !absent(path) { // seen before a password is asked for
			return "", fmt.Errorf("write %q: %w", path, errExists)
		}
	}
	secret, err := o.read(ctx, streams, true)
	if err != nil {
		return "", err
	}
	private, public, err := signature.GenerateKeyPair(secret)
	if err != nil {
		return "", err
	}
	if err := writeNew(privateFile, private, 0o600); err != nil {
		return "", err
	}
	if err := writeNew(publicFile, public, 0o644); err != nil {
		return "", errors.Join(err, os.Remove(privateFile))
	}
	report.line("wrote %s, to be kept secret, and %s", privateFile, publicFile)
	if len(secret) == 0 {
		report.always("the password is empty: whoever reads %s can sign", privateFile)
	}
	return publicFile, nil
}

// toSecret makes what cosign's key generation makes.
func (o *keygenOptions) toSecret(ctx context.Context, place string, streams genericiooptions.IOStreams, report *reporter) error {
	exists, err := hasSecret(ctx, place) // seen before a password is asked for
	if exists {
		err = errExists
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", o.to, err)
	}
	secret, err := o.read(ctx, streams, true)
	if err != nil {
		return err
	}
	private, public, err := signature.GenerateKeyPair(secret)
	if err != nil {
		return err
	}
	parts := map[string][]byte{privatePart: private, publicPart: public, passwordPart: secret}
	if err := createSecret(ctx, place, parts); err != nil {
		return fmt.Errorf("write %q: %w", o.to, err)
	}
	report.line("wrote %s: %s, %s and %s", o.to, privatePart, publicPart, passwordPart)
	return nil
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
