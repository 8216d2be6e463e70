package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// version is set by the linker in a release; otherwise the module's version counts.
var version string

type versionOptions struct {
	cluster
	format
	client bool
}

func newVersionCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &versionOptions{}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the plugin and of the cluster's agent",
		Long: `Print the version of the plugin, and that of each agent of the cluster, as its Deployment has it: the tag of its image, or else its digest.
The Deployments are looked for in all namespaces, or in that of --namespace. A cluster that does not answer within ` + versionPatience.String() + ` is an
error; one without an agent is none.

` + clusterFlagsNote,
		Example: `  # Both
  kubectl oci version

  # The plugin's alone, without asking the cluster
  kubectl oci version --client -o json`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	cmd.Flags().BoolVar(&o.client, "client", false, "print the plugin's version, and ask no cluster")
	o.cluster.addFlags(cmd.Flags())
	o.format.addFlag(cmd.Flags(), "text", "json", "yaml")
	return cmd
}

// versions are what the command prints.
type versions struct {
	Client clientVersion  `json:"client"`
	Agents []agentVersion `json:"agents,omitzero"` // nil: the cluster was not asked, or did not answer
}

type clientVersion struct {
	Version  string `json:"version"`
	Platform string `json:"platform"`
	Go       string `json:"go"`
}

func (o *versionOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	found := versions{Client: clientVersion{buildVersion(), runtime.GOOS + "/" + runtime.GOARCH, runtime.Version()}}
	var failure error
	if !o.client {
		found.Agents, failure = o.agents(ctx, streams.ErrOut)
	}
	if err := o.print(streams, found); err != nil {
		return err
	}
	return failure
}

func (o *versionOptions) print(streams genericiooptions.IOStreams, found versions) error {
	if done, err := o.encode(streams.Out, found); done || err != nil {
		return err
	}
	c := found.Client
	if _, err := fmt.Fprintf(streams.Out, "kubectl-oci %s %s %s\n", c.Version, c.Platform, c.Go); err != nil {
		return err
	}
	for _, a := range found.Agents {
		if _, err := fmt.Fprintln(streams.Out, a); err != nil {
			return err
		}
	}
	if found.Agents != nil && len(found.Agents) == 0 {
		newReporter(streams.ErrOut).line("no agent: no Deployment there has the label %s", agentLabel)
	}
	return nil
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
