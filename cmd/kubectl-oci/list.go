package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

type listOptions struct {
	remote
	format
	filter tagFilter
	limit  int

	ref registry.Reference
}

func newListCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &listOptions{}
	cmd := &cobra.Command{
		Use:   "list REPOSITORY",
		Short: "List the artifacts in a repository",
		Long: `List a repository's tags and what they name: versions first, the highest at the top, then the others, the latest at the top.
SIGNED says that a signature is there; whose it is, and whether it is good, is what kubectl oci verify tells. Tags under which
signatures and the like are kept are not shown.

For each tag the registry is asked what it names, and for each artifact for its manifest, which counts as a pull where pulls are
counted, and for what refers to it. -o name needs less: of versions nothing but their names.`,
		Example: `  # All of them
  kubectl oci list docker.io/org/app-config

  # The five highest versions in a range
  kubectl oci list docker.io/org/app-config --semver '>=1.0.0 <2.0.0' --limit 5

  # The latest build of a branch, for a script
  kubectl oci list docker.io/org/app-config --regex '^main-' --limit 1 -o name`,
		Args: exactArgs("REPOSITORY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0]); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.remote.addFlags(cmd.Flags(), streams.In)
	o.addFlag(cmd.Flags(), "table", "wide", "json", "yaml", "name")
	o.filter.addFlags(cmd.Flags())
	cmd.Flags().IntVar(&o.limit, "limit", 0, "show no more than so many; 0 is all")
	return cmd
}

func (o *listOptions) complete(repository string) (err error) {
	if o.ref, err = registry.Parse(repository); err != nil {
		return usageError{err}
	}
	if o.ref.Tag != "" || o.ref.Digest != "" {
		return usageError{fmt.Errorf("list %q: a repository is listed: leave tag and digest away", repository)}
	}
	if o.limit < 0 {
		return usageError{fmt.Errorf("--limit %d is less than nothing", o.limit)}
	}
	if err := o.filter.compile(); err != nil {
		return err
	}
	if err := o.format.validate(); err != nil {
		return err
	}
	return o.remote.validate(o.ref)
}

func (o *listOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	repo, err := o.open(ctx, o.ref, false, report)
	if err != nil {
		return err
	}
	rows, err := o.rows(ctx, repo, report)
	if err != nil {
		return o.blame(o.ref, err)
	}
	if done, err := o.encode(streams.Out, rows); done {
		return err
	}
	if o.format.name == "name" {
		return printNames(streams.Out, o.ref, rows)
	}
	return printRows(streams.Out, rows, o.format.name == "wide")
}

// rows finds what is to be listed, sorted and cut. What cannot be in the result is not asked for.
func (o *listOptions) rows(ctx context.Context, repo *registry.Repository, report *reporter) ([]row, error) {
	tags, err := repo.Tags(ctx)
	if err != nil {
		return nil, err
	}
	rows, versions := o.filter.apply(tags)
	if o.limit > 0 && versions >= o.limit {
		rows = rows[:o.limit]
	}
	namesOnly := o.format.name == "name"
	if namesOnly && len(rows)-versions <= 1 {
		return rows, nil // they are in order
	}
	s := survey{repo: repo, signed: !namesOnly, attached: attached(tags)}
	if rows, err = s.complete(ctx, rows, report); err != nil {
		return nil, err
	}
	sortRows(rows)
	if o.limit > 0 {
		rows = rows[:min(o.limit, len(rows))]
	}
	return rows, nil
}
