package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

type pushOptions struct {
	input
	remote
	provenance
	tags      []string
	profile   string
	ifChanged bool
	sign      bool
	signing   signing

	ref    registry.Reference
	layout artifact.Profile
}

func newPushCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &pushOptions{}
	cmd := &cobra.Command{
		Use:   "push REFERENCE -f PATH",
		Short: "Push a folder of Kubernetes configs as an OCI artifact",
		Long: `Pack a folder, a file or standard input, and push it to a registry under one or more tags.

The same tree gives the same artifact: nothing is sent that the registry has already. In a git checkout the artifact names
the remote and the last commit that touched the folder. Credentials come from the Docker config and its credential helpers.

Prints the artifact's reference by digest.`,
		Example: `  # Push a folder
  kubectl oci push docker.io/org/app-config:v1.0.0 -f ./deploy

  # Under several tags, with an annotation
  kubectl oci push docker.io/org/app-config:v1.0.0 -f ./deploy --tag latest -a team=payments

  # Only when the content differs from what the tag holds
  kubectl oci push docker.io/org/app-config:main -f ./deploy --if-changed

  # And sign it before a tag names it
  kubectl oci push docker.io/org/app-config:v1.0.0 -f ./deploy --sign --key cosign.key

  # What another command prints
  kustomize build ./overlays/prod | kubectl oci push docker.io/org/app-config:prod -f -`,
		Args: exactArgs("REFERENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0]); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.input.addFlags(cmd.Flags())
	o.remote.addFlags(cmd.Flags(), streams.In)
	o.provenance.addFlags(cmd.Flags())
	cmd.Flags().StringArrayVar(&o.tags, "tag", nil, "another tag for the same artifact; may be repeated")
	cmd.Flags().StringVar(&o.profile, "profile", "oci", "media types to use: oci, or flux for Flux's own")
	offer(cmd.Flags(), "profile", "oci", "flux")
	cmd.Flags().BoolVar(&o.ifChanged, "if-changed", false,
		"do nothing when the tag's artifact holds the same files already, whatever its annotations say, and with --sign the key has signed it")
	cmd.Flags().BoolVar(&o.sign, "sign", false, "sign the artifact before a tag names it")
	o.signing.addFlags(cmd.Flags())
	cmd.Flags().StringArrayVar(&o.signing.annotations, "signature-annotation", nil,
		"key=value to sign together with the digest; may be repeated")
	return cmd
}

// complete checks all that can be checked before anything is read or sent.
func (o *pushOptions) complete(reference string) error {
	if err := o.input.validate(); err != nil {
		return err
	}
	ref, err := registry.Parse(reference)
	if err != nil {
		return usageError{err}
	}
	if ref.Digest != "" {
		return usageError{fmt.Errorf("push %q: a digest is what comes out of a push: give a tag instead", reference)}
	}
	if ref.Tag != "" {
		o.tags = append([]string{ref.Tag}, slices.DeleteFunc(o.tags, func(tag string) bool { return tag == ref.Tag })...)
	}
	if len(o.tags) == 0 {
		return usageError{fmt.Errorf("push %q: no tag: add one, as in %s:v1.0.0", reference, ref)}
	}
	for _, tag := range o.tags {
		if _, err := registry.Parse(ref.Name() + ":" + tag); err != nil {
			return usageError{err}
		}
	}
	o.ref = ref
	if o.layout, err = artifact.ProfileNamed(o.profile); err != nil {
		return usageError{err}
	}
	if err := o.remote.validate(o.ref); err != nil {
		return err
	}
	if err := errors.Join(o.pass.validateStdin("-f -", o.fromStdin()), o.pass.validateStdin("--password-stdin", o.signing.stdin)); err != nil {
		return err
	}
	if err := o.validateSigning(); err != nil {
		return err
	}
	return o.provenance.validate()
}

func (o *pushOptions) validateSigning() error {
	switch {
	case !o.sign && o.signing.used():
		return usageError{errors.New("how to sign was said, and nothing is signed: add --sign")}
	case !o.sign:
		return nil
	case o.fromStdin() && o.signing.stdin:
		return usageError{errors.New("-f - and --password-stdin cannot both read standard input")}
	}
	return o.signing.validate()
}

func (o *pushOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	var seal *sealer
	if o.sign {
		var err error
		if seal, err = o.signing.open(ctx, streams, report); err != nil {
			return err
		}
	}
	tree, err := o.input.open(ctx, streams.In)
	if err != nil {
		return err
	}
	defer tree.Close()
	repo, err := o.remote.open(ctx, o.ref, true, report)
	if err != nil {
		return err
	}
	spool := archive.NewSpool(spoolMemory)
	defer spool.Close()
	made, err := o.pack(ctx, tree, spool, report)
	if err != nil {
		return err
	}
	d, err := o.send(ctx, repo, made, spool, seal, report)
	if err != nil {
		return o.blame(o.ref, err)
	}
	_, err = fmt.Fprintln(streams.Out, o.ref.At(d))
	return err
}

// An archive up to this size, in bytes, waits in memory until it is sent; a larger one in a temporary file.
const spoolMemory = 8 << 20

func (o *pushOptions) pack(ctx context.Context, tree *tree, spool *archive.Spool, report *reporter) (*artifact.Artifact, error) {
	bar := report.bar("packing", -1)
	summary, err := o.input.pack(ctx, io.MultiWriter(spool, bar), tree, report)
	bar.Finish()
	if err != nil {
		return nil, err
	}
	metadata, err := o.provenance.metadata(ctx, &o.input, tree.isDir, summary.Skipped, report)
	if err != nil {
		return nil, err
	}
	report.line("packed %s, %s", count(summary.Files, "file"), size(summary.Size))
	layer := artifact.Layer{Digest: summary.Digest, DiffID: summary.DiffID, Size: summary.Size}
	return artifact.New(o.layout, layer, metadata)
}
