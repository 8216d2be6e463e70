package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

type pullOptions struct {
	remote
	to    string
	merge bool

	ref registry.Reference
}

func newPullCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &pullOptions{}
	cmd := &cobra.Command{
		Use:   "pull REFERENCE [--to FOLDER]",
		Short: "Pull an artifact and unpack it into a folder",
		Long: `Pull an artifact by tag or digest, of whatever tool, and unpack it into a new or empty folder. Every digest is checked, and
the folder holds all of the artifact or nothing of it.

Prints the artifact's reference by digest.`,
		Example: `  # Into the folder app-config
  kubectl oci pull docker.io/org/app-config:v1.0.0

  # Into another one
  kubectl oci pull docker.io/org/app-config:v1.0.0 --to /tmp/deploy`,
		Args: exactArgs("REFERENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0]); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.to, "to", "", "folder to unpack into (default: the repository's last name)")
	cmd.Flags().BoolVar(&o.merge, "merge", false, "unpack into a folder that holds files already: same names are replaced, others stay")
	return cmd
}

func (o *pullOptions) complete(reference string) error {
	ref, err := registry.Parse(reference)
	if err != nil {
		return usageError{err}
	}
	if ref.Tag == "" && ref.Digest == "" {
		return usageError{fmt.Errorf("pull %q: no tag or digest: add one, as in %s:latest", reference, ref)}
	}
	switch o.to {
	case "-":
		return usageError{errors.New("pull unpacks into a folder: name one with --to")}
	case "":
		o.to = path.Base(ref.Repository)
	}
	o.ref = ref
	return o.validate()
}

func (o *pullOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	repo, err := o.open(o.ref, false, report)
	if err != nil {
		return err
	}
	folder, err := prepare(o.to, o.merge)
	if err != nil {
		return err
	}
	defer folder.abort()
	d, layer, err := o.find(ctx, repo, report)
	if err != nil {
		return o.blame(o.ref, err)
	}
	spool, err := fetch(ctx, repo, layer, report)
	if err != nil {
		return o.blame(o.ref, err)
	}
	defer spool.Close()
	if err := folder.unpack(ctx, spool); err != nil {
		return fmt.Errorf("unpack %q: %w", o.ref.At(d.Digest), err)
	}
	report.line("unpacked into %s", o.to)
	_, err = fmt.Fprintln(streams.Out, o.ref.At(d.Digest))
	return err
}

// find gives the descriptors of the artifact and of the layer to unpack.
func (o *pullOptions) find(ctx context.Context, repo *registry.Repository, report *reporter) (d, layer ocispec.Descriptor, err error) {
	d = ocispec.Descriptor{Digest: o.ref.Digest}
	if d.Digest == "" {
		if d, err = repo.Resolve(ctx, o.ref.Tag); err != nil {
			return d, layer, err
		}
	}
	manifest, err := repo.ImageManifest(ctx, d)
	if err != nil {
		return d, layer, err
	}
	if layer, err = artifact.ChooseLayer(manifest, ""); err != nil {
		return d, layer, err
	}
	if n := len(manifest.Layers); n > 1 {
		report.line("the artifact has %d layers: the first is unpacked", n)
	}
	if limit := archive.DefaultLimits().Compressed; layer.Size > limit {
		return d, layer, fmt.Errorf("fetch layer %q: it has %d bytes, more than the limit of %d", layer.Digest, layer.Size, limit)
	}
	return d, layer, nil
}

// fetch gives the layer's bytes, checked. The caller closes the spool.
func fetch(ctx context.Context, repo *registry.Repository, layer ocispec.Descriptor, report *reporter) (*archive.Spool, error) {
	bar := report.bar("pulling", layer.Size)
	defer func() { _ = bar.Finish() }()
	spool := archive.NewSpool(spoolMemory)
	err := repo.CopyBlob(ctx, layer, func() io.Writer {
		_ = spool.Close()
		spool = archive.NewSpool(spoolMemory)
		bar.Reset()
		return io.MultiWriter(spool, bar)
	})
	if err != nil {
		_ = spool.Close()
		return nil, err
	}
	return spool, nil
}
