package main

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

type resumeOptions struct {
	cluster
	selection
	waiting
}

func newResumeCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &resumeOptions{}
	cmd := &cobra.Command{
		Use:   "resume NAME…",
		Short: "Have the agent look after suspended objects again",
		Long: `Resume OCIRepository objects that are suspended, and wait for the agent's answer, as reconcile does. What is not suspended is left as it
is.

Exits with 0 when all of the resumed objects are ready, with 1 when one is not, or has no answer in time.

` + clusterFlagsNote,
		Example: `  kubectl oci resume app-config -n flux-system

  # All of a namespace
  kubectl oci resume --all -n flux-system`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.cluster.addFlags(cmd.Flags())
	o.selection.addFlags(cmd.Flags())
	o.waiting.addFlags(cmd.Flags())
	return cmd
}

func (o *resumeOptions) complete(args []string) error {
	if err := o.selection.complete(args); err != nil {
		return err
	}
	return o.waiting.validate()
}

func (o *resumeOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	c, err := o.connect(streams.ErrOut)
	if err != nil {
		return err
	}
	change := change{verb: "resume", asked: "resumed", done: "reconciled", same: "is not suspended", each: func(object *v1.OCIRepository) (any, error) {
		if !object.Spec.Suspend {
			return nil, nil
		}
		return requested(map[string]any{"suspend": nil}), nil
	}}
	return o.apply(ctx, c, change, o.selection, streams)
}
