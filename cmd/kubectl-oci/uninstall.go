package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

type uninstallOptions struct {
	cluster
	yes    bool
	dryRun string
}

func newUninstallCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &uninstallOptions{}
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove the agent from a cluster",
		Long: `Remove what install has made, told by its label ` + partOfLabel + `: ` + partOf + `, and say what stays. The definition of OCIRepository always stays, and so do
all OCIRepository objects: to remove it would remove them. The namespace goes with the agent where install made it and nothing of anybody else's is in it; until it is
gone, the command waits.

On a terminal it asks first.

` + clusterFlagsNote,
		Example: `  kubectl oci uninstall --yes

  # What would be removed
  kubectl oci uninstall --dry-run=server`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.dryRun != "none" && o.dryRun != "server" {
				return usageError{fmt.Errorf("--dry-run %q is none of none, server", o.dryRun)}
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.cluster.addFlags(cmd.Flags())
	cmd.Flags().Lookup("namespace").Usage = "namespace of the agent (default: where it is found)"
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringVar(&o.dryRun, "dry-run", "none", "server: print what would be removed; none")
	offer(cmd.Flags(), "dry-run", "none", "server")
	return cmd
}

func (o *uninstallOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	c, err := o.connect(streams.ErrOut)
	if err != nil {
		return err
	}
	namespace, err := c.agentNamespace(ctx, o.overrides.Context.Namespace)
	if err != nil {
		return err
	}
	found, err := c.inventory(ctx, namespace)
	if err != nil {
		return err
	}
	if len(found.ours) == 0 {
		return &hintedError{fmt.Errorf("no agent is installed in namespace %q", namespace), "-n names another namespace"}
	}
	report := newReporter(streams.ErrOut)
	if o.dryRun == "none" {
		if err := c.permitted(ctx, found.ours, []string{"delete"}, streams.ErrOut); err != nil {
			return err
		}
		if err := o.confirm(ctx, found, streams, report); err != nil {
			return err
		}
	}
	if err := c.removeAll(ctx, found.ours, o.dryRun == "server", streams.Out); err != nil {
		return err
	}
	for _, line := range found.stays {
		report.line("stays: %s", line)
	}
	if o.dryRun == "none" {
		return c.awaitNamespaces(ctx, found.ours, report)
	}
	return nil
}

// confirm asks a person. Nobody to ask is no consent.
func (o *uninstallOptions) confirm(ctx context.Context, found *inventory, streams genericiooptions.IOStreams, report *reporter) error {
	if o.yes {
		return nil
	}
	in, ok := streams.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return usageError{errors.New("there is no terminal to ask on: say --yes")}
	}
	for _, u := range found.ours {
		report.line("  %s", objectTitle(u))
	}
	fmt.Fprintf(streams.ErrOut, "remove %s? [y/N] ", count(len(found.ours), "object"))
	answer, err := await(ctx, func() (string, error) { return bufio.NewReader(in).ReadString('\n') })
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return errors.New("nothing was removed")
	}
	return nil
}

// removeAll goes on where something is gone already, and ends at the first other failure.
func (c *connection) removeAll(ctx context.Context, all installation, dry bool, out io.Writer) error {
	said, options := "removed", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}
	if dry {
		said, options.DryRun = "would be removed", []string{metav1.DryRunAll}
	}
	for _, u := range all {
		if err := c.delete(ctx, u, options); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s %s\n", objectTitle(u), said); err != nil {
			return err
		}
	}
	return nil
}

// namespacePatience is how long a namespace may take to be empty. A Pod is given a minute to end.
const namespacePatience = 2 * time.Minute

// awaitNamespaces waits until namespaces that were removed are gone: nothing can be installed there before. Who may not watch is not kept.
func (c *connection) awaitNamespaces(ctx context.Context, removed installation, report *reporter) error {
	ctx, cancel := context.WithTimeout(ctx, namespacePatience)
	defer cancel()
	for _, u := range removed {
		if u.GetKind() != "Namespace" {
			continue
		}
		w, err := c.at(u).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + u.GetName()})
		if apierrors.IsForbidden(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("watch %s: %w", objectTitle(u), err)
		}
		report.line("waiting until %s is gone", objectTitle(u))
		if !c.gone(ctx, u, w) {
			return fmt.Errorf("wait until %s is gone: %w", objectTitle(u), context.Cause(ctx))
		}
	}
	return nil
}

// gone tells whether an object ends before the watch does, which it stops.
func (c *connection) gone(ctx context.Context, u *unstructured.Unstructured, w apiwatch.Interface) bool {
	defer w.Stop()
	if _, err := c.at(u).Get(ctx, u.GetName(), metav1.GetOptions{}); apierrors.IsNotFound(err) {
		return true
	}
	for event := range w.ResultChan() {
		if event.Type == apiwatch.Deleted {
			return true
		}
	}
	return false
}

// delete removes this very object, and not one that has taken its name since.
func (c *connection) delete(ctx context.Context, u *unstructured.Unstructured, options metav1.DeleteOptions) error {
	options.Preconditions = metav1.NewUIDPreconditions(string(u.GetUID()))
	if err := c.at(u).Delete(ctx, u.GetName(), options); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove %s: %w", objectTitle(u), err)
	}
	return nil
}
