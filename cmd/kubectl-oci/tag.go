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
)

type tagOptions struct {
	remote
	ifAbsent bool

	ref  registry.Reference
	tags []string
}

func newTagCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &tagOptions{}
	cmd := &cobra.Command{
		Use:   "tag REFERENCE TAG...",
		Short: "Give an artifact more tags",
		Long: `Make one or more tags name an artifact that is in the registry already. A tag that names something else is moved, unless
--if-absent is set. The artifact's digest and its signatures stay what they are.

With --if-absent all tags are looked at first, and none is set where one of them names something else. What is set at the same moment by
somebody else may still be replaced: the registry is asked to refuse that, but few registries can. Only a registry that is
configured so that its tags are immutable never moves one.

Prints the artifact's reference by digest.`,
		Example: `  # Release what was tested
  kubectl oci tag docker.io/org/app-config@sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae v1.0.0 latest

  # Never twice
  kubectl oci tag docker.io/org/app-config:main v1.0.0 --if-absent`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return exactArgs("REFERENCE", "TAG")(nil, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0], args[1:]); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.remote.addFlags(cmd.Flags(), streams.In)
	cmd.Flags().BoolVar(&o.ifAbsent, "if-absent", false, "move no tag: fail where one names something else already")
	return cmd
}

func (o *tagOptions) complete(reference string, tags []string) (err error) {
	if o.ref, err = parseExisting("tag", reference); err != nil {
		return err
	}
	for _, tag := range tags {
		if err := registry.ValidateTag(tag); err != nil {
			return usageError{err}
		}
	}
	o.tags = tags
	return o.validate(o.ref)
}

func (o *tagOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	repo, err := o.open(ctx, o.ref, true, report)
	if err != nil {
		return err
	}
	d, err := o.set(ctx, repo, report)
	if err != nil {
		return o.blame(o.ref, err)
	}
	_, err = fmt.Fprintln(streams.Out, o.ref.At(d))
	return err
}

// set resolves the reference once and makes the tags name what it was then.
func (o *tagOptions) set(ctx context.Context, repo *registry.Repository, report *reporter) (digest.Digest, error) {
	d := ocispec.Descriptor{Digest: o.ref.Digest}
	if d.Digest == "" {
		var err error
		if d, err = repo.Resolve(ctx, o.ref.Tag); err != nil {
			return "", err
		}
	}
	stale, err := o.stale(ctx, repo, d.Digest, report)
	if err != nil || len(stale) == 0 {
		return d.Digest, err
	}
	raw, mediaType, err := repo.Manifest(ctx, d)
	if err != nil {
		return "", err
	}
	d.MediaType = mediaType
	push := repo.PushManifest
	if o.ifAbsent {
		push = repo.PushAbsent
	}
	for _, tag := range stale {
		if err := push(ctx, tag, d, raw); err != nil {
			return "", err
		}
		report.line("tagged %s:%s", o.ref.Name(), tag)
	}
	return d.Digest, nil
}

// stale gives the tags that do not name the digest yet.
func (o *tagOptions) stale(ctx context.Context, repo *registry.Repository, d digest.Digest, report *reporter) ([]string, error) {
	var stale []string
	for _, tag := range o.tags {
		named, err := repo.CheckAbsent(ctx, tag, d)
		if _, exists := errors.AsType[*registry.TagExistsError](err); exists && !o.ifAbsent {
			err = nil
		}
		switch {
		case err != nil:
			return nil, err
		case named:
			report.line("unchanged: %s:%s names it", o.ref.Name(), tag)
		default:
			stale = append(stale, tag)
		}
	}
	return stale, nil
}
