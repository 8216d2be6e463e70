package main

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// errDiffers is no failure: it makes the command exit with 1, and nothing is said about it.
var errDiffers = errors.New("something differs")

type diffOptions struct {
	input
	remote
	format
	clusterDiff

	from, to side
}

func newDiffCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &diffOptions{}
	cmd := &cobra.Command{
		Use:   "diff (FROM | --cluster) TO",
		Short: "Compare artifacts, folders and the cluster, object by object",
		Long: `Compare the Kubernetes objects in two artifacts, or in an artifact and a folder: which were added, removed or changed, and in
which fields. FROM and TO are each a reference, a folder or file, - for standard input, or an OCI layout as PATH, PATH:TAG or
PATH@DIGEST. What might be a reference is one: write a folder of such a name as ./NAME. Of a folder, what push would pack is
compared.

Comments, formatting, the order of keys and the file in which an object lies make no difference; of other files it is said that they
differ. Values of Secrets are not shown.

With --cluster the API server says what applying TO would change, by a server-side dry run that changes nothing: what it fills in by itself makes no
difference, and its refusals are told. FROM is left out. With --kustomization, what would be pruned is shown as removed.

Exits with 0 when all objects are the same, with 1 when something differs, and with 2 or more when that could not be found out.`,
		Example: `  # Between two versions
  kubectl oci diff docker.io/org/app-config:v1.0.0 docker.io/org/app-config:v1.1.0

  # What a push would change
  kubectl oci diff docker.io/org/app-config:latest ./deploy

  # For a comment on a pull request
  kubectl oci diff docker.io/org/app-config:latest -f ./deploy -o markdown

  # What the cluster would become, and lose
  kubectl oci diff --cluster docker.io/org/app-config:v1.1.0 --kustomization app-config -n flux-system

  # Against what another command prints
  kustomize build ./overlays/prod | kubectl oci diff docker.io/org/app-config:prod -`,
		Annotations: map[string]string{failureAnnotation: "2"},
		Args:        func(_ *cobra.Command, args []string) error { return o.checkArgs(args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.refuseIdle(cmd.Flags()); err != nil {
				return err
			}
			if err := o.complete(args); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.input.addFlags(cmd.Flags())
	cmd.Flags().Lookup("filename").Usage = "folder or file to compare with, in place of TO"
	o.remote.addFlags(cmd.Flags(), streams.In)
	o.clusterDiff.addFlags(cmd.Flags())
	o.addFlag(cmd.Flags(), "unified", "json", "markdown")
	return cmd
}

func (o *diffOptions) checkArgs(args []string) error {
	switch {
	case o.live && o.filename != "":
		return exactArgs()(nil, args)
	case o.live:
		return exactArgs("TO")(nil, args)
	case o.filename != "":
		return exactArgs("FROM")(nil, args)
	}
	return exactArgs("FROM", "TO")(nil, args)
}

func (o *diffOptions) complete(args []string) (err error) {
	if o.filename != "" {
		o.to = side{input: &o.input}
	} else if o.to, err = parseSide(args[len(args)-1], o.ignore); err != nil {
		return err
	}
	if !o.live {
		if o.from, err = parseSide(args[0], o.ignore); err != nil {
			return err
		}
	}
	if err := o.clusterDiff.validate(); err != nil {
		return err
	}
	if o.from.fromStdin() && o.to.fromStdin() {
		return usageError{errors.New("FROM and TO cannot both be standard input")}
	}
	if err := o.format.validate(); err != nil {
		return err
	}
	if err := o.pass.validateStdin("-", o.from.fromStdin() || o.to.fromStdin()); err != nil {
		return err
	}
	return o.remote.validate(o.from.ref(), o.to.ref())
}

func (o *diffOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	if o.live {
		return o.runCluster(ctx, streams)
	}
	report := newReporter(streams.ErrOut)
	from, err := o.from.open(ctx, &o.remote, streams.In, report)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := o.to.open(ctx, &o.remote, streams.In, report)
	if err != nil {
		return err
	}
	defer to.Close()
	d, err := compare(ctx, from, to, report)
	if err != nil {
		return err
	}
	if err := o.print(streams.Out, from.name, to.name, d); err != nil {
		return err
	}
	report.line("%s", d.Summary())
	if !d.Same() {
		return errDiffers
	}
	return nil
}

func (o *diffOptions) print(w io.Writer, from, to string, d *resource.Diff) error {
	done, err := o.encode(w, struct {
		From string `json:"from"`
		To   string `json:"to"`
		Same bool   `json:"same"`
		*resource.Diff
	}{from, to, d.Same(), d})
	if done {
		return err
	}
	var text bytes.Buffer
	if o.format.name == "markdown" {
		err = d.Markdown(&text)
	} else if err = d.Unified(&text); err == nil && colorful(w) {
		text = *bytes.NewBufferString(colored(text.String()))
	}
	if err == nil {
		_, err = text.WriteTo(w)
	}
	return err
}
