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
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

type pullOptions struct {
	remote
	to    string
	merge bool

	verify       bool
	verification verification
	cluster      cluster

	ref    registry.Reference
	object string // the OCIRepository whose artifact is wanted as the cluster has it; empty: ref's
}

func newPullCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &pullOptions{}
	cmd := &cobra.Command{
		Use:   "pull REFERENCE [--to FOLDER]",
		Short: "Pull an artifact and unpack it into a folder",
		Long: `Pull an artifact by tag or digest, of whatever tool, and unpack it into a new or empty folder. Every digest is checked, and
the folder holds all of the artifact or nothing of it. With --verify, nothing is fetched unless somebody who is trusted has signed it.

With ocirepository/NAME it is what the cluster has now: what the agent, or Flux, exposes for that object comes through the API server, whose
user needs the right to get services/proxy there.

Prints the artifact's reference by digest.`,
		Example: `  # Into the folder app-config
  kubectl oci pull docker.io/org/app-config:v1.0.0

  # Into another one
  kubectl oci pull docker.io/org/app-config:v1.0.0 --to /tmp/deploy

  # Only when it is signed
  kubectl oci pull docker.io/org/app-config:v1.0.0 --verify --key cosign.pub

  # What the cluster has
  kubectl oci pull ocirepository/app-config -n flux-system --to /tmp/now`,
		Args: exactArgs("REFERENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0]); err != nil {
				return err
			}
			if o.object != "" {
				return o.runFromCluster(cmd.Context(), streams)
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.remote.addFlags(cmd.Flags(), streams.In)
	cmd.Flags().StringVar(&o.to, "to", "", "folder to unpack into (default: the repository's last name)")
	cmd.Flags().BoolVar(&o.merge, "merge", false, "unpack into a folder that holds files already: same names are replaced, others stay")
	cmd.Flags().BoolVar(&o.verify, "verify", false, "pull only what is signed by somebody who is trusted")
	o.verification.addFlags(cmd.Flags())
	o.cluster.addFlags(cmd.Flags())
	return cmd
}

func (o *pullOptions) complete(reference string) error {
	if name, isKind, err := objectName(reference); isKind && err == nil {
		return o.completeFromCluster(name)
	}
	ref, err := parseExisting("pull", reference)
	if err != nil {
		return err
	}
	switch {
	case o.verify:
		if err := o.verification.validate(); err != nil {
			return err
		}
	case o.verification.used():
		return usageError{errors.New("whom to trust was said, and nothing is verified: add --verify")}
	}
	switch o.to {
	case "-":
		return usageError{errors.New("pull unpacks into a folder: name one with --to")}
	case "":
		o.to = path.Base(ref.Repository)
	}
	o.ref = ref
	return o.validate(ref)
}

func (o *pullOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	repo, err := o.open(ctx, o.ref, false, report)
	if err != nil {
		return err
	}
	var policy *signature.Policy
	if o.verify {
		if policy, err = o.verification.policy(ctx); err != nil {
			return err
		}
	}
	folder, err := prepare(o.to, o.merge)
	if err != nil {
		return err
	}
	defer folder.abort()
	d, layer, err := o.find(ctx, repo, policy, report)
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

// find gives the descriptors of the artifact and of the layer to unpack. What does not satisfy the policy is not looked into. A nil
// policy asks for nothing.
func (o *pullOptions) find(
	ctx context.Context, repo *registry.Repository, policy *signature.Policy, report *reporter,
) (d, layer ocispec.Descriptor, err error) {
	d = ocispec.Descriptor{Digest: o.ref.Digest}
	if d.Digest == "" {
		if d, err = repo.Resolve(ctx, o.ref.Tag); err != nil {
			return d, layer, err
		}
	}
	if policy != nil {
		by, err := signature.NewVerifier(signature.Options{}).Verify(ctx, repo, d.Digest, policy)
		if err != nil {
			return d, layer, orAbsent(ctx, repo, d, err)
		}
		report.line("signed by %s", by)
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
	defer bar.Finish()
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
