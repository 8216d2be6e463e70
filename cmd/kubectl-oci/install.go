package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

type installOptions struct {
	cluster
	profileName string
	image       string
	replicas    int
	resize      bool   // replicas is asked for, and no default
	policy      string // path, or none
	root        string // path, or none
	export      bool
	dryRun      string
	force       bool
	wait        bool
	timeout     time.Duration

	profile profile
	objects installation
}

func newInstallCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &installOptions{}
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the agent in a cluster, or upgrade it",
		Long: `Send the agent's manifests to the cluster by server-side apply, and wait until it runs: all replicas ready, and one of them the leader.
What an upgrade changes is printed, field by field; artifacts are served throughout. Missing permissions, and a source-controller that would write the
same objects, are told before anything is changed. Definitions and namespaces that others have made stay as they are. What an
earlier installation made and this one does without goes when the agent runs; its policy or trusted root goes when it is said, and not before.

The profiles:
` + describeProfiles() + `
Exits with 0 when the agent runs, with 1 when it does not in time, which undoes nothing.

` + clusterFlagsNote,
		Example: `  kubectl oci install

  # The agent's image from a registry of your own, and the administrator's policy
  kubectl oci install --image registry.example.com/kubectl-oci/agent:dev --policy policy.yaml

  # What an upgrade would change
  kubectl oci install --image registry.example.com/kubectl-oci/agent:dev --dry-run=server

  # For Git
  kubectl oci install --export > agent.yaml`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.resize = cmd.Flags().Changed("replicas")
			if err := o.complete(); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.cluster.addFlags(cmd.Flags())
	o.addFlags(cmd.Flags())
	return cmd
}

func (o *installOptions) addFlags(flags *pflag.FlagSet) {
	flags.Lookup("namespace").Usage = "namespace for the agent (default: the profile's, with tenant the kubeconfig's)"
	flags.StringVar(&o.profileName, "profile", profileDefault, "how the agent is to run: "+strings.Join(profileNames(), ", "))
	flags.StringVar(&o.image, "image", "", "the agent's image (default: the one of the manifests)")
	flags.IntVar(&o.replicas, "replicas", 2, "how many agents; one of them reconciles, all of them serve; one that is installed keeps its number by default")
	flags.StringVar(&o.policy, "policy", "", "file with the administrator's policy: which registries objects may use, and who must have signed; none takes it away")
	flags.StringVar(&o.root, "trusted-root", "", "file with the trusted_root.json that identities are held against, in place of the public one from the internet; none takes it away")
	flags.BoolVar(&o.export, "export", false, "print the objects as YAML, and ask no cluster")
	flags.StringVar(&o.dryRun, "dry-run", "none", "server: print what would change; none")
	flags.BoolVar(&o.force, "force-conflicts", false, "take over fields that others have set")
	flags.BoolVar(&o.wait, "wait", true, "wait until the agent runs")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long to wait for that")
	offer(flags, "profile", profileNames()...)
	offer(flags, "dry-run", "none", "server")
}

func (o *installOptions) complete() (err error) {
	if err := o.validate(); err != nil {
		return err
	}
	if o.profile, err = findProfile(o.profileName); err != nil {
		return err
	}
	if o.profile.owned && !o.export && (o.image == "" || o.policy == "" || o.policy == noFile) {
		return usageError{fmt.Errorf("--profile %s needs --image and --policy, which name your mirror", o.profile.name)}
	}
	if o.objects, err = o.profile.objects(); err != nil {
		return err
	}
	o.objects.setReplicas(o.replicas)
	if o.image != "" {
		o.objects.setImage(o.image)
	}
	if namespace := o.overrides.Context.Namespace; namespace != "" {
		o.objects.relocate(namespace)
	}
	return o.mountFiles()
}

func (o *installOptions) validate() error {
	if o.image != "" {
		ref, err := registry.Parse(o.image)
		switch {
		case err != nil:
			return usageError{fmt.Errorf("--image: %w", err)}
		case strings.HasPrefix(o.image, registry.Scheme):
			return usageError{fmt.Errorf("--image %q: leave %s away", o.image, registry.Scheme)}
		case ref.Tag == "" && ref.Digest == "": // latest, of which each node keeps another
			return usageError{fmt.Errorf("--image %q has neither a tag nor a digest", o.image)}
		}
	}
	namespace := o.overrides.Context.Namespace
	switch {
	case namespace != "" && len(validation.IsDNS1123Label(namespace)) > 0:
		return usageError{fmt.Errorf("--namespace %q is no name of a namespace", namespace)}
	case o.replicas < 1:
		return usageError{fmt.Errorf("--replicas is %d, not 1 or more", o.replicas)}
	case !slices.Contains([]string{"none", "server"}, o.dryRun):
		return usageError{fmt.Errorf("--dry-run %q is none of none, server", o.dryRun)}
	case o.export && o.dryRun != "none":
		return usageError{errors.New("--export asks no cluster and --dry-run does: give one or the other")}
	case o.timeout <= 0:
		return usageError{fmt.Errorf("--timeout %s is no time to wait: --wait=false does not wait", o.timeout)}
	}
	return nil
}

// noFile takes away a file that an earlier installation gave.
const noFile = "none"

// mountFiles refuses files that the agent would refuse.
func (o *installOptions) mountFiles() error {
	if o.policy != "" && o.policy != noFile {
		raw, err := readBounded(o.policy, policy.MaxBytes)
		if err == nil {
			err = checkPolicy(raw)
		}
		if err != nil {
			return fmt.Errorf("read policy %q: %w", o.policy, err)
		}
		o.objects = o.objects.mount(policyMount(), raw)
	}
	if o.root != "" && o.root != noFile {
		raw, err := readBounded(o.root, maxTrustedRoot)
		if err == nil {
			err = signature.CheckTrustedRoot(raw)
		}
		if err != nil {
			return fmt.Errorf("read trusted root %q: %w", o.root, err)
		}
		o.objects = o.objects.mount(rootMount(), raw)
	}
	return nil
}

// maxTrustedRoot is what a ConfigMap can hold, in bytes.
const maxTrustedRoot = 1 << 20

func checkPolicy(raw []byte) error {
	p, err := policy.Parse(raw)
	if err != nil {
		return err
	}
	return verifiable(p)
}

func (o *installOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	if o.export {
		return printYAML(streams.Out, o.objects)
	}
	c, err := o.connect(streams.ErrOut)
	if err != nil {
		return err
	}
	if o.profile.own && o.overrides.Context.Namespace == "" {
		o.objects.relocate(c.namespace)
	}
	if err := o.check(ctx, c, streams); err != nil {
		return err
	}
	plan, err := o.plan(ctx, c)
	if err != nil {
		return err
	}
	left, err := o.superseded(ctx, c, streams)
	if err != nil {
		return err
	}
	if o.dryRun == "server" {
		return errors.Join(plan.show(streams.Out), c.removeAll(ctx, left, true, streams.Out))
	}
	if err := o.carryOut(ctx, c, plan, streams); err != nil {
		return err
	}
	if o.wait {
		if err := o.awaitAgent(ctx, c, newReporter(streams.ErrOut)); err != nil {
			return err
		}
	}
	return c.removeAll(ctx, left, false, streams.Out)
}
