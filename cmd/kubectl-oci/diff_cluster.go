package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// clusterDiff is what a comparison with a cluster takes beside what it compares.
type clusterDiff struct {
	cluster
	live          bool
	kustomization string
	manager       string
}

func (o *clusterDiff) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&o.live, "cluster", false, "FROM is the cluster: say what applying TO would change in it; nothing is changed")
	flags.StringVar(&o.kustomization, "kustomization", "", "with --cluster: Kustomization that applies TO, to show what it would prune, too")
	flags.StringVar(&o.manager, "field-manager", "kustomize-controller", "with --cluster: who would apply it")
	o.cluster.addFlags(flags)
	names := map[string]string{"namespace": "with --cluster: namespace of the Kustomization, and of objects that name none"}
	for name, usage := range names {
		flags.Lookup(name).Usage = usage
	}
}

func (o *clusterDiff) validate() error {
	if o.live && o.manager == "" {
		return usageError{errors.New("--field-manager is empty")}
	}
	return nil
}

// refuseIdle refuses flags about the cluster where it is not asked: who forgot --cluster would compare something else.
func (o *clusterDiff) refuseIdle(flags *pflag.FlagSet) (err error) {
	mine := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&clusterDiff{}).addFlags(mine)
	flags.Visit(func(flag *pflag.Flag) {
		if !o.live && err == nil && mine.Lookup(flag.Name) != nil && flag.Name != "cluster" {
			err = usageError{fmt.Errorf("--%s goes with --cluster", flag.Name)}
		}
	})
	return err
}

// runCluster says what applying TO would change.
func (o *diffOptions) runCluster(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	c, err := o.connect(streams.ErrOut)
	if err != nil {
		return err
	}
	to, err := o.to.open(ctx, &o.remote, streams.In, report)
	if err != nil {
		return err
	}
	defer to.Close()
	selecting, err := to.selecting(ctx)
	if err != nil {
		return err
	}
	run := &dryRun{connection: c, manager: o.manager, namespace: c.namespace, report: report, kinds: map[string]*servedKinds{}}
	if o.kustomization != "" {
		if run.owner, err = c.kustomization(ctx, o.kustomization); err != nil {
			return err
		}
		if account := run.owner.account; account != "" {
			report.line("done with your own rights, and not those of ServiceAccount %s, as which Kustomization %s applies", account, run.owner.name)
		}
		if changes := run.owner.changes; len(changes) > 0 {
			report.line("not done here, so that differences may be owed to it: %s of Kustomization %s", strings.Join(changes, ", "), run.owner.name)
		}
	}
	objects, refused := selecting.applied(run.owner.path())
	for _, r := range refused {
		run.fail(r.Object, r.err)
	}
	before, after := run.compare(ctx, objects)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if run.owner != nil && len(refused) == 0 {
		before.Objects = append(before.Objects, run.pruned(ctx, objects)...)
	}
	d := resource.Compare(before, after)
	incomplete := run.incomplete()
	if incomplete != nil && d.Same() {
		return incomplete // nobody knows whether nothing differs
	}
	if err := o.print(streams.Out, "cluster", to.name, d); err != nil {
		return err
	}
	report.line("%s", d.Summary())
	switch {
	case incomplete != nil:
		return incomplete
	case !d.Same():
		return errDiffers
	}
	return nil
}
