package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

type explainOptions struct {
	cluster
	format
	filename    string
	policyPath  string
	trustedRoot string

	name string // empty: the only one of the file
}

func newExplainCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &explainOptions{}
	cmd := &cobra.Command{
		Use:   "explain (NAME | -f PATH)",
		Short: "Explain what the agent makes of an OCIRepository, and why",
		Long: `Make of an OCIRepository what the agent would make of it now, with the agent's own code: read the Secrets that it refers to, ask the registry,
verify, fetch and check the artifact. What the administrator permits is read where the agent's Deployment says. Then say which credential was taken and why, which tags were candidates and why each lost, which layer
was chosen, what each search for a signature came to, and where the agent's status says something else.

Nothing is written, in the cluster or elsewhere, and no secret is shown. With -f the object need not be in the cluster: Secrets and
ServiceAccounts in the file count before those of the cluster. The registry is asked from this machine, as you: what only the agent may, such as
logging in as its cloud identity, cannot be found out here.

Exits with 0 when the agent would succeed, with 1 when it would fail, and with 2 or more when that could not be found out.

` + clusterFlagsNote,
		Example: `  # Why is it not ready?
  kubectl oci explain app-config -n apps

  # Before it is applied, within what the administrator permits
  kubectl oci explain -f app-config.yaml --policy policy.yaml

  # For programs: all tags, and why each lost
  kubectl oci explain ocirepository/app-config -o json > explained.json`,
		Annotations: map[string]string{failureAnnotation: "2"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exactArgs("NAME")(nil, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.cluster.addFlags(cmd.Flags())
	o.format.addFlag(cmd.Flags(), "text", "json", "yaml")
	cmd.Flags().StringVarP(&o.filename, "filename", "f", "", "file with the object, and perhaps its Secrets; - for standard input")
	cmd.Flags().StringVar(&o.policyPath, "policy", "", "the agent's policy file (default: the one that the agent's Deployment names)")
	cmd.Flags().StringVar(&o.trustedRoot, "trusted-root", "", "the agent's trusted_root.json (default: the one that the agent's Deployment names, or else the public one of sigstore)")
	return cmd
}

func (o *explainOptions) complete(args []string) (err error) {
	if len(args) == 0 && o.filename == "" {
		return usageError{errors.New("NAME is missing: name an object of the cluster, or a file with -f")}
	}
	if len(args) > 0 {
		if o.name, _, err = objectName(args[0]); err != nil {
			return err
		}
	}
	return o.format.validate()
}

func (o *explainOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	objects, err := o.openObjects(streams)
	if err != nil {
		return err
	}
	object, err := objects.repository(ctx, o.overrides.Context.Namespace, o.name)
	if err != nil {
		return err
	}
	e, err := o.explain(ctx, objects, object)
	if err != nil {
		return err
	}
	done, err := o.encode(streams.Out, e)
	if !done {
		_, err = streams.Out.Write([]byte(e.text()))
	}
	switch {
	case err != nil:
		return err
	case e.Outcome == outcomeFails:
		return errDiffers // from what is wanted; all has been said
	case e.Policy.Unknown:
		return &hintedError{fmt.Errorf("what the administrator permits is not known: %s", e.Policy.Note), "--policy names the agent's policy file"}
	}
	return nil
}

// explain makes the attempt.
func (o *explainOptions) explain(ctx context.Context, objects *explainedObjects, object *v1.OCIRepository) (*explanation, error) {
	var agent setting
	if o.policyPath == "" || o.trustedRoot == "" {
		agent = objects.setting(ctx, object.Namespace)
	}
	rules, place, err := o.rules(agent)
	if err != nil {
		return nil, err
	}
	verifier, err := o.verifier(agent.root)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kubectl-oci-explain-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	files, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	trace := &source.Trace{}
	means := &attempt.Means{
		Objects:    objects,
		Source:     &source.Source{Registry: registry.NewClient(registry.Options{UserAgent: "kubectl-oci/" + buildVersion()}), Store: files, Verifier: verifier},
		Identities: noIdentity{},
		Trace:      trace,
	}
	if rules != nil {
		means.Policy = func() *attempt.Rules { return rules }
	}
	found := means.Run(ctx, object, time.Now())
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := objects.unfound(found); err != nil {
		return nil, err
	}
	place.read(found.Terms.Rule)
	return newExplanation(object, found, trace, place), nil
}

// rules are what the administrator says, in a file or in the cluster. None is no error.
func (o *explainOptions) rules(agent setting) (rules *attempt.Rules, place explainedPolicy, err error) {
	raw, place := agent.policy, agent.place
	if o.policyPath != "" {
		place = explainedPolicy{From: o.policyPath}
		raw, err = readBounded(o.policyPath, policy.MaxBytes)
	}
	if err == nil && raw == nil {
		return nil, place, nil
	}
	var p *policy.Policy
	if err == nil {
		p, err = policy.Parse(raw)
	}
	if err == nil {
		rules, err = attempt.NewRules(p)
	}
	if err != nil {
		return nil, place, fmt.Errorf("read policy %q: %w", place.From, err)
	}
	return rules, place, nil
}

// verifier holds identities against the root of a file, or else against the agent's.
func (o *explainOptions) verifier(root []byte) (*signature.Verifier, error) {
	options := signature.Options{TrustedRoot: root}
	if o.trustedRoot != "" {
		root, err := readBounded(o.trustedRoot, maxTrustedRoot)
		if err == nil {
			err = signature.CheckTrustedRoot(root)
		}
		if err != nil {
			return nil, fmt.Errorf("read trusted root %q: %w", o.trustedRoot, err)
		}
		options.TrustedRoot = root
	}
	return signature.NewVerifier(options), nil
}
