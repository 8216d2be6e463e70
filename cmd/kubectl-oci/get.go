package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

type getOptions struct {
	cluster
	selection
	rows
	everywhere bool
	watch      bool
}

func newGetCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &getOptions{}
	cmd := &cobra.Command{
		Use:   "get [NAME…]",
		Short: "Show the OCIRepositories of a cluster",
		Long: `Show the OCIRepository objects of a namespace: the revision that each exposes, whether it is ready and its signature verified, and by
when the agent looks at the registry again.

` + clusterFlagsNote,
		Example: `  # Those of the current namespace
  kubectl oci get

  # All, with their addresses
  kubectl oci get -A -o wide

  # One, and each of its changes
  kubectl oci get app-config -n flux-system --watch`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.cluster.addFlags(cmd.Flags())
	o.rows.addFlags(cmd.Flags())
	cmd.Flags().StringVarP(&o.selector, "selector", "l", "", "only objects whose labels match, as in app=web")
	cmd.Flags().BoolVarP(&o.everywhere, "all-namespaces", "A", false, "look in all namespaces")
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "go on, and show each change")
	return cmd
}

func (o *getOptions) complete(args []string) error {
	o.all = len(args) == 0 && o.selector == ""
	if err := o.selection.complete(args); err != nil {
		return err
	}
	switch {
	case o.everywhere && len(o.names) > 0:
		return usageError{errors.New("a name is of one namespace: say which with -n, and leave out -A")}
	case o.watch && len(o.names) > 1:
		return usageError{errors.New("--watch takes one name, or none for all")}
	}
	return o.rows.validate()
}

func (o *getOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	c, err := o.connect(streams.ErrOut)
	if err != nil {
		return err
	}
	namespace := c.namespace
	if o.everywhere {
		namespace = metav1.NamespaceAll
	}
	printer := o.printer(streams.Out, o.everywhere)
	if o.watch {
		return o.follow(ctx, c, namespace, printer)
	}
	list, err := c.read(ctx, namespace, o.selection)
	if list == nil {
		return err
	}
	if err := printer.list(list, len(o.names) == 1); err != nil {
		return err
	}
	if len(list.Items) == 0 && err == nil {
		sayNone(streams.ErrOut, namespace)
	}
	return err
}

// sayNone is kubectl's sentence.
func sayNone(out io.Writer, namespace string) {
	if namespace == metav1.NamespaceAll {
		newReporter(out).line("No resources found")
		return
	}
	newReporter(out).line("No resources found in %s namespace.", namespace)
}

func (o *getOptions) follow(ctx context.Context, c *connection, namespace string, printer *rowPrinter) error {
	seen := map[string]string{}
	err := c.follow(ctx, namespace, o.selection, func(kind apiwatch.EventType, u *unstructured.Unstructured) (bool, error) {
		id := string(u.GetUID())
		if kind != apiwatch.Deleted && seen[id] == u.GetResourceVersion() {
			return false, nil
		}
		seen[id] = u.GetResourceVersion()
		return false, printer.one(u)
	})
	if apierrors.IsNotFound(err) {
		return err
	}
	if err != nil {
		return fmt.Errorf("watch OCIRepositories: %w", err)
	}
	return nil
}
