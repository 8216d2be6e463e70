package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

type signOptions struct {
	signing
	remote

	ref registry.Reference
}

func newSignCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &signOptions{}
	cmd := &cobra.Command{
		Use:   "sign REFERENCE --key KEY",
		Short: "Sign an artifact in its registry",
		Long: `Sign the digest of an artifact, with a key or as an identity, and attach the signature to it in its repository, where cosign and
the agent find it. A tag is resolved once: what it names later is not signed. What the key has signed before in the same form, with the
same annotations where some are given, is not signed again.

Prints the artifact's reference by digest.`,
		Example: `  # With a key
  kubectl oci sign docker.io/org/app-config:v1.0.0 --key cosign.key

  # With a key in the cluster
  kubectl oci sign docker.io/org/app-config:v1.0.0 --key k8s://payments/signing

  # As the identity of a pipeline
  kubectl oci sign docker.io/org/app-config:v1.0.0 --identity-token env://ID_TOKEN`,
		Args: exactArgs("REFERENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0]); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.signing.addFlags(cmd.Flags())
	o.remote.addFlags(cmd.Flags(), streams.In)
	cmd.Flags().StringArrayVarP(&o.annotations, "annotation", "a", nil, "key=value to sign together with the digest; may be repeated")
	return cmd
}

func (o *signOptions) complete(reference string) (err error) {
	if o.ref, err = parseExisting("sign", reference); err != nil {
		return err
	}
	if err := o.remote.validate(o.ref); err != nil {
		return err
	}
	if err := o.pass.validateStdin("--password-stdin", o.signing.stdin); err != nil {
		return err
	}
	return o.signing.validate()
}

func (o *signOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	seal, err := o.signing.open(ctx, streams, report)
	if err != nil {
		return err
	}
	repo, err := o.remote.open(ctx, o.ref, true, report)
	if err != nil {
		return err
	}
	d, err := resolve(ctx, repo, o.ref, report)
	if err != nil {
		return o.blame(o.ref, err)
	}
	if err := seal.ensure(ctx, repo, d, report); err != nil {
		return o.blame(o.ref, err)
	}
	_, err = fmt.Fprintln(streams.Out, o.ref.At(d.Digest))
	return err
}
