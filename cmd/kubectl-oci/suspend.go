package main

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

type suspendOptions struct {
	cluster
	selection
}

func newSuspendCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &suspendOptions{}
	cmd := &cobra.Command{
		Use:   "suspend NAME…",
		Short: "Have the agent leave objects alone",
		Long: `Suspend OCIRepository objects: the registry is not asked any more, and what is exposed stays exposed. What is suspended already is left
as it is.

` + clusterFlagsNote,
		Example: `  kubectl oci suspend app-config -n flux-system`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.cluster.addFlags(cmd.Flags())
	o.selection.addFlags(cmd.Flags())
	return cmd
}

func (o *suspendOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	c, err := o.connect(streams.ErrOut)
	if err != nil {
		return err
	}
	change := change{verb: "suspend", asked: "suspended", same: "is suspended already", each: func(object *v1.OCIRepository) (any, error) {
		if object.Spec.Suspend {
			return nil, nil
		}
		return map[string]any{"spec": map[string]any{"suspend": true}}, nil
	}}
	_, failures, err := change.run(ctx, c, o.selection, streams)
	if err != nil {
		return err
	}
	return failed(failures, newReporter(streams.ErrOut))
}
