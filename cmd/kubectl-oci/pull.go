package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

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

	layer  string
	place  place
	object string // the OCIRepository whose artifact is wanted as the cluster has it; empty: ref's
}

func newPullCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &pullOptions{}
	cmd := &cobra.Command{
		Use:   "pull REFERENCE [--to FOLDER]",
		Short: "Pull an artifact and unpack it into a folder",
		Long: `Pull an artifact by tag or digest, of whatever tool, and unpack it into a new or empty folder. Every digest is checked, and
the folder holds all of the artifact or nothing of it. With --verify, nothing is fetched unless somebody who is trusted has signed it.
A layer that is one text file, as oras pushes it, becomes a file of its name. An OCI layout is pulled from as PATH, PATH:TAG or PATH@DIGEST.

With ocirepository/NAME it is what the cluster has now: what the agent, or Flux, exposes for that object comes through the API server, whose
user needs the right to get services/proxy there.

Prints the artifact's reference by digest.`,
		Example: `  # Into the folder app-config
  kubectl oci pull docker.io/org/app-config:v1.0.0

  # Into another one
  kubectl oci pull docker.io/org/app-config:v1.0.0 --to /tmp/deploy

  # As a tar on standard output
  kubectl oci pull docker.io/org/app-config:v1.0.0 --to - | tar -t

  # Only when it is signed
  kubectl oci pull docker.io/org/app-config:v1.0.0 --to /tmp/signed --verify --key cosign.pub

  # What the cluster has
  kubectl oci pull ocirepository/app-config -n flux-system --to /tmp/now`,
		Args: referenceAlone("--to"),
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
	cmd.Flags().StringVar(&o.to, "to", "", "folder to unpack into (default: the repository's last name); - writes a tar to standard output")
	cmd.Flags().StringVar(&o.layer, "layer", "", "media type of the layer to pull (default: the first layer)")
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
	var err error
	if o.place, err = parsePlace("pull", reference); err != nil {
		return err
	}
	switch {
	case o.place.path != "" && (o.verify || o.remote.used()):
		return usageError{errors.New("a layout is no registry: copy it to one, and verify it there")}
	case o.verify:
		if err := o.verification.validate(); err != nil {
			return err
		}
	case o.verification.used():
		return usageError{errors.New("whom to trust was said, and nothing is verified: add --verify")}
	}
	switch {
	case o.to == "-" && o.merge:
		return usageError{errors.New("--merge is about folders, and standard output is none")}
	case o.to == "" && o.place.path != "":
		return usageError{errors.New("where to? Name a folder with --to")}
	case o.to == "":
		o.to = path.Base(o.place.ref.Repository)
	}
	return o.validate(o.place.ref)
}

func (o *pullOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	if o.to == "-" {
		name, spool, err := o.fetch(ctx, report)
		if err != nil {
			return err
		}
		defer spool.Close()
		if err := writeTar(ctx, streams.Out, spool); err != nil {
			return fmt.Errorf("write %q: %w", name, err)
		}
		report.line("%s", name)
		return nil
	}
	folder, err := prepare(o.to, o.merge)
	if err != nil {
		return err
	}
	defer folder.abort()
	name, spool, err := o.fetch(ctx, report)
	if err != nil {
		return err
	}
	defer spool.Close()
	if err := folder.unpack(ctx, spool); err != nil {
		return fmt.Errorf("unpack %q: %w", name, err)
	}
	report.line("unpacked into %s", o.to)
	_, err = fmt.Fprintln(streams.Out, name)
	return err
}

// fetch gives the artifact's name by digest and the layer's bytes, checked. What does not satisfy the policy is not looked into. The caller
// closes the spool.
func (o *pullOptions) fetch(ctx context.Context, report *reporter) (name string, _ *archive.Spool, err error) {
	defer func() { err = o.place.blame(&o.remote, err) }()
	var policy *signature.Policy
	if o.verify {
		if policy, err = o.verification.policy(ctx); err != nil {
			return "", nil, err
		}
	}
	f, err := o.place.open(ctx, &o.remote, report)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	if policy != nil {
		repo, ok := f.contents.(*registry.Repository)
		if !ok {
			return "", nil, errors.New("verify: a layout is no registry")
		}
		by, err := signature.NewVerifier(signature.Options{}).Verify(ctx, repo, f.descriptor.Digest, policy)
		if err != nil {
			return "", nil, orAbsent(ctx, repo, f.descriptor, err)
		}
		report.line("signed by %s", by)
	}
	got, err := f.read(ctx)
	if err != nil {
		return "", nil, err
	}
	layer, err := artifact.ChooseLayer(got.manifest, o.layer)
	if err != nil {
		return "", nil, err
	}
	if n := len(got.manifest.Layers); n > 1 && o.layer == "" {
		report.line("the artifact has %d layers: the first is unpacked", n)
	}
	spool, err := download(ctx, f, layer, report)
	return f.name, spool, err
}

// writeTar writes an archive as a tar, once it is known to be whole.
func writeTar(ctx context.Context, w io.Writer, spool *archive.Spool) error {
	if err := walkSpool(ctx, spool, func(archive.File, io.Reader) error { return nil }); err != nil {
		return err
	}
	out := tar.NewWriter(w)
	err := walkSpool(ctx, spool, func(f archive.File, contents io.Reader) error {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Mode: 0o644, Size: f.Size}
		switch {
		case f.Hard:
			h.Typeflag, h.Linkname = tar.TypeLink, f.Target
		case f.Target != "":
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Target, 0o777
		case f.Executable:
			h.Mode = 0o755
		}
		if err := out.WriteHeader(h); err != nil || f.Target != "" {
			return err
		}
		_, err := io.Copy(out, contents)
		return err
	})
	if err != nil {
		return err // without an end, so that nobody takes it for whole
	}
	return out.Close()
}

func walkSpool(ctx context.Context, spool *archive.Spool, visit func(archive.File, io.Reader) error) error {
	r, err := spool.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return archive.Walk(ctx, r, archive.Limits{}, visit)
}
