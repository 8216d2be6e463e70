package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

type inspectOptions struct {
	remote
	format
	layer string
	files bool

	place place
}

func newInspectCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &inspectOptions{}
	cmd := &cobra.Command{
		Use:   "inspect REFERENCE",
		Short: "Show what an artifact is and what it holds",
		Long: `Show an artifact's annotations, config and layers, the files and Kubernetes objects in it, the container images that the objects
name, and what belongs to it: what refers to it, and signatures under tags made of its digest. The artifact may be in a registry, or
in an OCI layout, as PATH, PATH:TAG or PATH@DIGEST. Nothing is unpacked or written.

Nothing is verified either: who signed an artifact is what kubectl oci verify tells.`,
		Example: `  # For people
  kubectl oci inspect docker.io/org/app-config:v1.0.0

  # For programs: which container images will run, and the rest
  kubectl oci inspect docker.io/org/app-config:v1.0.0 -o json > inspected.json

  # The manifest alone, without fetching any content
  kubectl oci inspect docker.io/org/app-config:v1.0.0 --files=false -o yaml`,
		Args: exactArgs("REFERENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0]); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.remote.addFlags(cmd.Flags(), streams.In)
	o.addFlag(cmd.Flags(), "text", "json", "yaml")
	cmd.Flags().StringVar(&o.layer, "layer", "", "media type of the layer to look into (default: the first layer)")
	cmd.Flags().BoolVar(&o.files, "files", true, "fetch the layer and show files, objects and images")
	return cmd
}

func (o *inspectOptions) complete(reference string) (err error) {
	if o.place, err = parsePlace("inspect", reference); err != nil {
		return err
	}
	if o.layer != "" && !o.files {
		return usageError{errors.New("--layer says where to look for files, and --files=false not to look")}
	}
	if err := o.format.validate(); err != nil {
		return err
	}
	return o.remote.validate(o.place.ref)
}

func (o *inspectOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	seen, err := o.inspect(ctx, report)
	if err != nil {
		return o.place.blame(&o.remote, err)
	}
	if done, err := o.encode(streams.Out, seen); done {
		return err
	}
	return seen.print(streams.Out)
}

func (o *inspectOptions) inspect(ctx context.Context, report *reporter) (*inspection, error) {
	f, err := o.place.open(ctx, &o.remote, report)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	got, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	seen := newInspection(f, got)
	if err := seen.addConfig(ctx, f, got); err != nil {
		return nil, err
	}
	if err := seen.addReferrers(ctx, f); err != nil {
		return nil, err
	}
	if !o.files || len(got.manifest.Layers) == 0 {
		return seen, nil
	}
	return seen, o.addFiles(ctx, f, got, seen, report)
}

// addFiles looks into the layer. That it is no archive of ours is a finding and no failure.
func (o *inspectOptions) addFiles(ctx context.Context, f *found, got *documents, seen *inspection, report *reporter) error {
	layer, err := artifact.ChooseLayer(got.manifest, o.layer)
	if err != nil {
		return err
	}
	spool, err := download(ctx, f, layer, report)
	if err != nil {
		return err
	}
	defer spool.Close()
	r, err := spool.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	set := &resource.Set{}
	err = archive.Walk(ctx, r, archive.Limits{}, func(file archive.File, contents io.Reader) error {
		return seen.addFile(set, file, contents)
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		seen.Files, set = nil, &resource.Set{}
		seen.problem("layer %s: %v", layer.Digest, err)
	}
	seen.addObjects(set)
	return nil
}

// referrersShown bounds how much of a list is shown that anybody who may push can make longer.
const referrersShown = 100
