package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
	"github.com/kubectl-oci/kubectl-oci/pkg/transfer"
)

type promoteOptions struct {
	remote
	tags   []string
	dryRun bool

	verify       bool
	verification verification

	from registry.Reference
	to   registry.Reference // the repository
}

func newPromoteCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &promoteOptions{}
	cmd := &cobra.Command{
		Use:   "promote SOURCE [DESTINATION] [--tag TAG]",
		Short: "Give an artifact the tags that are deployed, and never an older one",
		Long: `Make tags name an artifact, in its own repository or in another one to which it is copied with its signatures, unless a tag would move
backwards. All tags are looked at before anything is written:

  A tag that is a full version, such as v1.2.3, is never moved: a version is one artifact.
  A tag that is the beginning of one, such as v1 or v1.2, is moved to versions that begin so, the same or a higher one.
  Any other tag, such as stable, is moved to the same version or a higher one than it names now; where it names no version, to anything.

The version of an artifact is the tag by which SOURCE names it, or the highest tag that it is promoted to, where these are full versions;
else the highest version among the tags that name it in its repository, of the 200 highest; else its annotation
org.opencontainers.image.version. Where a version is to be moved to what has none, nobody can tell, and it is refused.

With --verify, nothing is promoted unless somebody who is trusted has signed it. The tags are looked at once more after the copy, right before
they are set: where somebody else moved one meanwhile, none is. What somebody else tags at the very same moment may still be replaced.

Prints the artifact's reference by digest, in the destination.`,
		Example: `  # What was tested, in its own repository
  kubectl oci promote docker.io/org/app-config:v1.3.0 --tag stable --tag v1

  # From staging to production, signed
  kubectl oci promote registry.example.com/staging/app-config:v1.3.0 registry.example.com/production/app-config:stable \
    --verify --key cosign.pub

  # What would happen
  kubectl oci promote docker.io/org/app-config:v1.3.0 --tag stable --dry-run`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return exactArgs("SOURCE")(nil, args)
			}
			return exactArgs("SOURCE", "DESTINATION")(nil, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.remote.addFlags(cmd.Flags(), streams.In)
	cmd.Flags().StringArrayVar(&o.tags, "tag", nil, "tag to set; may be repeated")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would happen, and write nothing")
	cmd.Flags().BoolVar(&o.verify, "verify", false, "promote only what is signed by somebody who is trusted")
	o.verification.addFlags(cmd.Flags())
	return cmd
}

func (o *promoteOptions) complete(args []string) (err error) {
	if o.from, err = parseExisting("promote", args[0]); err != nil {
		return err
	}
	o.to = registry.Reference{Registry: o.from.Registry, Repository: o.from.Repository}
	if len(args) > 1 {
		if err := o.completeDestination(args[1]); err != nil {
			return err
		}
	}
	if len(o.tags) == 0 {
		return usageError{fmt.Errorf("promote %q: to what? Name a tag with --tag, or another repository", args[0])}
	}
	for _, tag := range o.tags {
		if err := registry.ValidateTag(tag); err != nil {
			return usageError{err}
		}
	}
	switch {
	case o.verify:
		if err := o.verification.validate(); err != nil {
			return err
		}
	case o.verification.used():
		return usageError{errors.New("whom to trust was said, and nothing is verified: add --verify")}
	}
	return o.remote.validate(o.from, o.to)
}

// completeDestination reads a repository, with a tag or without: then the copy is called what SOURCE is.
func (o *promoteOptions) completeDestination(text string) error {
	ref, err := registry.Parse(text)
	switch {
	case err != nil:
		return usageError{err}
	case ref.Digest != "":
		return usageError{fmt.Errorf("promote to %q: what is promoted keeps its digest: give a tag instead", text)}
	case ref.Tag != "":
		o.tags = append([]string{ref.Tag}, o.tags...)
	case len(o.tags) == 0 && o.from.Tag != "" && ref.Name() != o.from.Name():
		o.tags = []string{o.from.Tag}
	}
	o.to = registry.Reference{Registry: ref.Registry, Repository: ref.Repository}
	return nil
}

func (o *promoteOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	r, err := openRoad(ctx, o.remote, origin{place{ref: o.from}}, copyTarget{ref: o.to}, report)
	if err != nil {
		return err
	}
	defer r.Close()
	d, err := o.promote(ctx, r, report)
	if err != nil {
		return r.blame(err)
	}
	_, err = fmt.Fprintln(streams.Out, o.to.At(d))
	return err
}

// promote resolves the source once: what is verified is what is copied.
func (o *promoteOptions) promote(ctx context.Context, r *road, report *reporter) (digest.Digest, error) {
	found, err := r.from.named(ctx)
	if err != nil {
		return "", err
	}
	d := found[0].descriptor
	if err := o.check(ctx, r.from.repo, d, report); err != nil {
		return "", err
	}
	to := r.to.(repositoryTarget).Repository
	moves, err := o.plan(ctx, r.from.repo, to, d)
	if err != nil {
		return "", err
	}
	for _, m := range moves {
		if o.dryRun || m.old == d.Digest {
			report.line("%s", m.planned(o.to))
		}
	}
	if o.dryRun {
		return d.Digest, nil
	}
	copier := transfer.New(r.from.repo, to, transfer.Options{NoReferrers: o.to.Name() == o.from.Name()})
	copied, err := copier.Copy(ctx, d)
	if err != nil {
		return "", err
	}
	if err := o.unmoved(ctx, to, moves); err != nil {
		return "", err
	}
	return d.Digest, o.move(ctx, to, copied, moves, report)
}

func (o *promoteOptions) check(ctx context.Context, repo *registry.Repository, d ocispec.Descriptor, report *reporter) error {
	if !o.verify {
		return nil
	}
	policy, err := o.verification.policy(ctx)
	if err != nil {
		return err
	}
	by, err := signature.NewVerifier(signature.Options{}).Verify(ctx, repo, d.Digest, policy)
	if err != nil {
		return err
	}
	report.line("signed by %s", by)
	return nil
}
