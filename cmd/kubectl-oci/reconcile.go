package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

type reconcileOptions struct {
	cluster
	selection
	waiting
}

func newReconcileCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &reconcileOptions{}
	cmd := &cobra.Command{
		Use:   "reconcile NAME…",
		Short: "Have the agent look at the registry at once",
		Long: `Ask the agent to look at the registry now, and wait for its answer: what it exposes then, or why it cannot.

Exits with 0 when all of the objects are ready, with 1 when one is not, or has no answer in time.

` + clusterFlagsNote,
		Example: `  kubectl oci reconcile app-config -n flux-system

  # All of a namespace, without waiting
  kubectl oci reconcile --all -n flux-system --wait=false`,
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

func (o *reconcileOptions) complete(args []string) error {
	if err := o.selection.complete(args); err != nil {
		return err
	}
	return o.waiting.validate()
}

func (o *reconcileOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	c, err := o.connect(streams.ErrOut)
	if err != nil {
		return err
	}
	change := change{verb: "reconcile", done: "reconciled", asked: "reconcile requested", same: "is suspended, and left alone", each: func(object *v1.OCIRepository) (any, error) {
		switch {
		case object.Spec.Suspend && len(o.names) > 0:
			return nil, &hintedError{errors.New("it is suspended"), fmt.Sprintf("kubectl oci resume %s -n %s", object.Name, object.Namespace)}
		case object.Spec.Suspend:
			return nil, nil
		}
		return requested(nil), nil
	}}
	return o.apply(ctx, c, change, o.selection, streams)
}

// requested is a patch that asks for a reconcile, too. Each is another value than all before.
func requested(spec map[string]any) map[string]any {
	patch := map[string]any{"metadata": map[string]any{"annotations": map[string]any{
		v1.AnnotationReconcileRequest: time.Now().UTC().Format(time.RFC3339Nano),
	}}}
	if spec != nil {
		patch["spec"] = spec
	}
	return patch
}

// waiting is whether and for how long a command waits for the agent's answer.
type waiting struct {
	wait    bool
	timeout time.Duration
}

func (w *waiting) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&w.wait, "wait", true, "wait for the agent's answer")
	flags.DurationVar(&w.timeout, "timeout", 5*time.Minute, "how long to wait for all answers together")
}

func (w *waiting) validate() error {
	if w.timeout <= 0 {
		return usageError{fmt.Errorf("--timeout %s is no time to wait: --wait=false does not wait", w.timeout)}
	}
	return nil
}

// apply changes each object and then waits for all answers, which the agent looks for side by side.
func (w *waiting) apply(ctx context.Context, c *connection, change change, s selection, streams genericiooptions.IOStreams) error {
	changed, failures, err := change.run(ctx, c, s, streams)
	if err != nil {
		return err
	}
	if w.wait {
		ctx, cancel := context.WithTimeoutCause(ctx, w.timeout, errWaited)
		defer cancel()
		for _, object := range changed {
			message, err := c.answer(ctx, object, w.timeout)
			if err == nil {
				_, err = fmt.Fprintf(streams.Out, "%s%s %s: %s\n", kindPrefix, object.Name, change.done, oneLineOf(message))
			} else {
				err = fmt.Errorf("reconcile %q: %w", object.Name, err)
			}
			if errors.Is(err, context.Canceled) {
				return err
			}
			failures = append(failures, err)
		}
	}
	return failed(failures, newReporter(streams.ErrOut))
}

// failed says all failures, each on a line; the last is the command's.
func failed(all []error, report *reporter) error {
	var last error
	for _, err := range all {
		switch {
		case err == nil:
			continue
		case last != nil:
			report.always("error: %v", last)
		}
		last = err
	}
	return last
}
