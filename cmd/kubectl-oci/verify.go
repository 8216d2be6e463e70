package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

type verifyOptions struct {
	verification
	remote
	attestation string
	where       string
	output      string

	ref           registry.Reference
	predicateType string                // empty: a signature is asked for
	expression    *signature.Expression // what an attestation has to say; nil: anything
}

func newVerifyCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &verifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify REFERENCE --key KEY",
		Short: "Tell whether an artifact is signed by somebody you trust",
		Long: `Look for a signature of an artifact by a key or an identity that is trusted, or by whom a notation trust policy names; any one is enough. A tag is resolved once, and
only a signature counts: an attestation is asked for with --attestation. Nothing of the artifact itself is fetched.

Prints the artifact's reference by digest. Exits with 1, and says why, where there is no such signature.`,
		Example: `  # By a key
  kubectl oci verify docker.io/org/app-config:v1.0.0 --key cosign.pub

  # By a workflow
  kubectl oci verify docker.io/org/app-config:v1.0.0 \
    --certificate-identity https://github.com/org/app/.github/workflows/release.yml@refs/heads/main \
    --certificate-oidc-issuer https://token.actions.githubusercontent.com

  # By notation
  kubectl oci verify docker.io/org/app-config:v1.0.0 --trust-policy trustpolicy.json --certificate acme.crt

  # What somebody attests to
  kubectl oci verify docker.io/org/app-config:v1.0.0 --key cosign.pub --attestation slsaprovenance1 -o json

  # What it has to say
  kubectl oci verify docker.io/org/app-config:v1.0.0 --key cosign.pub --attestation slsaprovenance1 \
    --where 'predicate.runDetails.builder.id == "https://ci.example.com"'`,
		Args: exactArgs("REFERENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0]); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.verification.addFlags(cmd.Flags())
	o.remote.addFlags(cmd.Flags(), streams.In)
	cmd.Flags().StringVar(&o.attestation, "attestation", "", "look for attestations of this type instead: "+predicateHelp())
	cmd.Flags().StringVar(&o.where, "where", "",
		"CEL expression that one of the attestations has to satisfy, over predicate, predicateType and subject; with --attestation")
	cmd.Flags().StringVarP(&o.output, "output", "o", "text", "what to print: text, or json for all that was verified, or why it was not")
	return cmd
}

func (o *verifyOptions) complete(reference string) (err error) {
	if o.ref, err = parseExisting("verify", reference); err != nil {
		return err
	}
	if o.output != "text" && o.output != "json" {
		return usageError{fmt.Errorf("--output %q is neither text nor json", o.output)}
	}
	if err := o.completeAttestation(); err != nil {
		return err
	}
	if err := o.remote.validate(o.ref); err != nil {
		return err
	}
	if o.attestation != "" && o.notation.used() {
		return usageError{errors.New("--trust-policy says who signs, and nobody who attests: say that with --key or --certificate-identity instead")}
	}
	return o.verification.validate()
}

func (o *verifyOptions) completeAttestation() (err error) {
	switch {
	case o.attestation == "" && o.where != "":
		return usageError{errors.New("--where is about attestations: name their type with --attestation")}
	case o.attestation == "":
		return nil
	}
	if o.predicateType, err = predicateNamed("--attestation", o.attestation); err != nil || o.where == "" {
		return err
	}
	if o.expression, err = signature.ParseExpression(o.where); err != nil {
		return usageError{fmt.Errorf("--where: %w", err)}
	}
	return nil
}

func (o *verifyOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	policy, err := o.policy(ctx)
	if err != nil {
		return err
	}
	repo, err := o.remote.open(ctx, o.ref, false, report)
	if err != nil {
		return err
	}
	result := verdict{Reference: o.ref.String()}
	d, err := resolve(ctx, repo, o.ref, report)
	if err == nil {
		result.Reference, result.Digest = o.ref.At(d.Digest).String(), d.Digest
		err = orAbsent(ctx, repo, d, o.judge(ctx, repo, policy, &result, report))
	}
	if err != nil {
		err = o.blame(o.ref, err)
	}
	if o.output == "json" {
		return errors.Join(err, result.write(streams.Out, err))
	}
	if err == nil {
		_, err = fmt.Fprintln(streams.Out, result.Reference)
	}
	return err
}

// judge fills in what was found. Where some attestations were and others cannot be had, it says so.
func (o *verifyOptions) judge(
	ctx context.Context, repo *registry.Repository, policy *signature.Policy, result *verdict, report *reporter,
) error {
	verifier := signature.NewVerifier(signature.Options{})
	if o.predicateType == "" {
		by, err := verifier.Verify(ctx, repo, result.Digest, policy)
		if err != nil {
			return err
		}
		report.line("signed by %s", by)
		result.Signature = evidenceOf(by)
		return nil
	}
	wanted := signature.Requirement{By: policy, Type: o.predicateType, Where: o.expression}
	all, err := verifier.Satisfying(ctx, repo, result.Digest, wanted)
	switch {
	case len(all) == 0:
		return err
	case err != nil:
		report.always("there may be more attestations: %v", err)
	}
	for _, a := range all {
		report.line("attested by %s", a.By)
		result.Attestations = append(result.Attestations, attested{evidenceOf(a.By), a.PredicateType, a.Predicate})
	}
	return nil
}
