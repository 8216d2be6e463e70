package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

type attestOptions struct {
	signing
	remote
	predicate string
	kind      string

	ref           registry.Reference
	predicateType string
}

func newAttestCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &attestOptions{}
	cmd := &cobra.Command{
		Use:   "attest REFERENCE --predicate FILE --type TYPE --key KEY",
		Short: "Sign a statement about an artifact",
		Long: `Sign an in-toto statement about the digest of an artifact, such as where it was built or what is in it, and attach it to the
artifact in its repository. An attestation is no signature: sign the artifact, too.

Prints the artifact's reference by digest.`,
		Example: `  # Where it was built
  kubectl oci attest docker.io/org/app-config:v1.0.0 --predicate provenance.json --type slsaprovenance1 --key cosign.key`,
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
	cmd.Flags().StringVar(&o.predicate, "predicate", "", "file with the statement's predicate, JSON")
	cmd.Flags().StringVar(&o.kind, "type", "", "type of the predicate: "+predicateHelp())
	cmd.Flags().StringArrayVarP(&o.annotations, "annotation", "a", nil, "key=value to sign together with the digest; may be repeated")
	return cmd
}

func (o *attestOptions) complete(reference string) (err error) {
	if o.ref, err = parseExisting("attest", reference); err != nil {
		return err
	}
	if o.predicate == "" {
		return usageError{errors.New("nothing to attest: name a file with --predicate")}
	}
	if o.predicateType, err = predicateNamed("--type", o.kind); err != nil {
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

func (o *attestOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	predicate, err := readBounded(o.predicate, maxPredicate)
	if err != nil {
		return fmt.Errorf("read predicate %q: %w", o.predicate, err)
	}
	if !json.Valid(predicate) {
		return fmt.Errorf("read predicate %q: it is no JSON", o.predicate)
	}
	seal, err := o.signing.open(ctx, streams, report)
	if err != nil {
		return err
	}
	repo, err := o.remote.open(ctx, o.ref, true, report)
	if err != nil {
		return err
	}
	d, err := describe(ctx, repo, o.ref, report)
	if err != nil {
		return o.blame(o.ref, err)
	}
	if _, err := seal.Attest(ctx, repo, d, o.predicateType, predicate, seal.attach); err != nil {
		return o.blame(o.ref, err)
	}
	report.line("attested to %s", d.Digest)
	_, err = fmt.Fprintln(streams.Out, o.ref.At(d.Digest))
	return err
}
