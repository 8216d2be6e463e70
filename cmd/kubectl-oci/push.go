package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

type pushOptions struct {
	input
	remote
	provenance
	format
	tags      []string
	profile   string
	ifChanged bool
	dryRun    bool
	to        string // an OCI layout, in place of the registry
	sign      bool
	signing   signing
	waitFor   waitFor

	ref    registry.Reference
	layout artifact.Profile
}

func newPushCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &pushOptions{}
	cmd := &cobra.Command{
		Use:   "push REFERENCE (-f PATH | -k FOLDER)",
		Short: "Push a folder of Kubernetes configs as an OCI artifact",
		Long: `Pack a folder, a file or standard input, and push it to a registry under one or more tags.

The same tree gives the same artifact: nothing is sent that the registry has already. In a git checkout the artifact names
the remote and the last commit that touched the folder. Credentials come from the Docker config and its credential helpers.

Files that say YAML or JSON in their names and are neither are refused before anything is sent, each with its line. Templates, as those
of a Helm chart, are such files: --allow-invalid packs them. With -k it is what kustomize builds that is packed, as one file; nothing is
fetched for that from elsewhere unless --allow-remote says so.

Prints the artifact's reference by digest; with -o json or yaml also what is in it.

With --wait-for, push goes on until the cluster has applied the artifact. It looks first whether the Kustomization's OCIRepository follows what is
to be pushed, and sends nothing where it does not; afterwards it has the registry looked at once, where you may ask for that.

Exits with 0 on success, and with 1 on an error. With --wait-for: with 0 when the Kustomization has applied the artifact, with 1 when it, or its
OCIRepository, fails on it, and with 2 on any other error, or when the time is over.

` + clusterFlagsNote,
		Example: `  # Push a folder
  kubectl oci push docker.io/org/app-config:v1.0.0 -f ./deploy

  # Under several tags, with an annotation
  kubectl oci push docker.io/org/app-config:v1.0.0 -f ./deploy --tag latest -a team=payments

  # Only when the content differs from what the tag holds
  kubectl oci push docker.io/org/app-config:main -f ./deploy --if-changed

  # And sign it before a tag names it
  kubectl oci push docker.io/org/app-config:v1.0.0 -f ./deploy --sign --key cosign.key

  # What a kustomization makes
  kubectl oci push docker.io/org/app-config:prod -k ./overlays/prod

  # What would be sent
  kubectl oci push docker.io/org/app-config:v1.0.0 -f ./deploy --dry-run -o yaml

  # Into an OCI layout, to take along
  kubectl oci push docker.io/org/app-config:v1.0.0 -f ./deploy --to app-config.tar

  # And wait until the cluster runs it
  kubectl oci push docker.io/org/app-config:v1.0.0 -f ./deploy --wait-for kustomization/app-config -n apps

  # What another command prints
  kustomize build ./overlays/prod | kubectl oci push docker.io/org/app-config:prod -f -`,
		Annotations: map[string]string{failureAnnotation: waitForFlag},
		Args:        referenceAlone("-f"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0]); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.addFlags(cmd.Flags(), streams.In)
	return cmd
}

func (o *pushOptions) addFlags(flags *pflag.FlagSet, stdin io.Reader) {
	o.input.addFlags(flags)
	o.syntax.addFlags(flags)
	o.kustomize.addFlags(flags)
	o.remote.addFlags(flags, stdin)
	o.provenance.addFlags(flags)
	flags.StringArrayVar(&o.tags, "tag", nil, "another tag for the same artifact; may be repeated")
	flags.StringVar(&o.profile, "profile", "oci", "media types to use: oci, or flux for Flux's own")
	offer(flags, "profile", "oci", "flux")
	flags.BoolVar(&o.ifChanged, "if-changed", false,
		"do nothing when the tag's artifact holds the same files already, whatever its annotations say, and with --sign the key has signed it")
	flags.BoolVar(&o.dryRun, "dry-run", false, "pack, say what would be sent, and ask no registry for anything")
	flags.StringVar(&o.to, "to", "", "OCI layout to write to in place of the registry: a folder, or a file that ends in .tar")
	o.format.addFlag(flags, "text", "json", "yaml", "name")
	flags.BoolVar(&o.sign, "sign", false, "sign the artifact before a tag names it")
	o.signing.addFlags(flags)
	flags.StringArrayVar(&o.signing.annotations, "signature-annotation", nil,
		"key=value to sign together with the digest; may be repeated")
	o.waitFor.addFlags(flags)
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
	if err := o.validateTarget(); err != nil {
		return err
	}
	if err := errors.Join(o.format.validate(), o.waitFor.validate(o.local())); err != nil {
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

// validateTarget refuses what makes sense for a registry alone, where none is asked.
func (o *pushOptions) validateTarget() error {
	switch {
	case o.to == "-":
		return usageError{errors.New("--to names a folder or a file that ends in .tar")}
	case o.to != "" && o.dryRun:
		return usageError{errors.New("--to and --dry-run: one of them, please")}
	case o.to != "" && o.sign:
		return usageError{errors.New("a layout is not signed: copy it to a registry, and sign it there")}
	case o.local() && o.ifChanged:
		return usageError{errors.New("--if-changed asks the registry, and none is asked here")}
	case o.to != "" && o.remote.used():
		return usageError{errors.New("who you are to a registry, and how it is reached, was said, and none is asked here")}
	}
	return o.remote.validate(o.ref)
}

// local tells whether no registry is asked.
func (o *pushOptions) local() bool { return o.dryRun || o.to != "" }

func (o *pushOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	arrival, err := o.waitFor.look(ctx, o.ref, o.tags, streams)
	if err != nil {
		return err
	}
	var seal *sealer
	if o.sign && !o.dryRun {
		if seal, err = o.signing.open(ctx, streams, report); err != nil {
			return err
		}
	}
	tree, err := o.input.open(ctx, streams.In, report)
	if err != nil {
		return err
	}
	defer tree.Close()
	var repo *registry.Repository
	if !o.local() {
		if repo, err = o.remote.open(ctx, o.ref, true, report); err != nil {
			return err
		}
	}
	spool := archive.NewSpool(spoolMemory)
	defer spool.Close()
	made, err := o.pack(ctx, tree, spool, report)
	if err != nil {
		return err
	}
	done, err := o.deliver(ctx, repo, made, spool, seal, report)
	if err != nil {
		return err
	}
	if err := o.print(ctx, streams.Out, done, spool, report); err != nil {
		return err
	}
	return o.waitFor.await(ctx, arrival, done.Digest, report)
}

// deliver brings what was packed to where it belongs.
func (o *pushOptions) deliver(
	ctx context.Context, repo *registry.Repository, made *madeArtifact, spool *archive.Spool, seal *sealer, report *reporter,
) (*pushed, error) {
	done := o.planned(made)
	switch {
	case o.dryRun:
		report.line("dry run: nothing was sent to %s", o.ref.Registry)
		return done, nil
	case o.to != "":
		if err := o.write(ctx, made.Artifact, spool); err != nil {
			return nil, err
		}
		report.line("written to %s", o.to)
		return done, nil
	}
	d, err := o.send(ctx, repo, made.Artifact, spool, seal, report)
	if err != nil {
		return nil, o.blame(o.ref, err)
	}
	done.Reference, done.Digest = o.ref.At(d).String(), d
	return done, nil
}

// An archive up to this size, in bytes, waits in memory until it is sent; a larger one in a temporary file.
const spoolMemory = 8 << 20

func (o *pushOptions) pack(ctx context.Context, tree *tree, spool *archive.Spool, report *reporter) (*madeArtifact, error) {
	bar := report.bar("packing", -1)
	summary, err := o.input.pack(ctx, io.MultiWriter(spool, bar), tree, report)
	bar.Finish()
	if err != nil {
		return nil, err
	}
	metadata, err := o.provenance.metadata(ctx, tree, summary.Skipped, report)
	if err != nil {
		return nil, err
	}
	report.line("packed %s, %s", count(summary.Files, "file"), size(summary.Size))
	layer := artifact.Layer{Digest: summary.Digest, DiffID: summary.DiffID, Size: summary.Size}
	made, err := artifact.New(o.layout, layer, metadata)
	return &madeArtifact{made, summary}, err
}
