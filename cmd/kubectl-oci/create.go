package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

type createOptions struct {
	cluster
	spec     v1.OCIRepositorySpec
	ref      v1.OCIRepositoryRef
	interval time.Duration
	ignore   []string
	labels   []string
	trust    createTrust
	secrets  createSecrets
	export   bool
	apply    bool
	force    bool

	name       string
	repository registry.Reference
}

func newCreateCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &createOptions{}
	cmd := &cobra.Command{
		Use:   "create NAME --url URL",
		Short: "Make an OCIRepository, and the Secrets that it needs",
		Long: `Print an OCIRepository as YAML, for a file in Git or for kubectl apply, or send it to the cluster with --apply. With --creds and --verify-key
it comes with a pull Secret and a Secret of public keys. A pull Secret is printed only where --export says so.

` + clusterFlagsNote,
		Example: `  # For Git
  kubectl oci create app-config --url oci://docker.io/org/app-config --semver '>=1.0.0 <2.0.0' > app-config.yaml

  # Into the cluster, with what the Docker config has for this registry
  kubectl oci create app-config -n flux-system --url oci://docker.io/org/app-config --tag prod --creds docker --apply

  # Only what this key has signed
  kubectl oci create app-config --url oci://docker.io/org/app-config --tag prod --verify-key cosign.pub`,
		Args: exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0]); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.cluster.addFlags(cmd.Flags())
	o.addFlags(cmd.Flags())
	return cmd
}

func (o *createOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.spec.URL, "url", "", "the repository, as oci://HOST/REPOSITORY")
	flags.StringVar(&o.ref.Tag, "tag", "", "tag to follow (default: latest)")
	flags.StringVar(&o.ref.SemVer, "semver", "", "range of versions of which the highest is followed, as in '>=1.0.0 <2.0.0'")
	flags.StringVar(&o.ref.SemverFilter, "semver-filter", "", "regular expression that a tag must match to be considered for the range")
	flags.StringVar(&o.ref.Digest, "digest", "", "digest of the one artifact to expose")
	flags.DurationVar(&o.interval, "interval", 5*time.Minute, "time between two looks at the registry")
	flags.StringVar(&o.spec.Provider, "provider", "", "whose identity to log in with: aws, azure, gcp (default: nobody's)")
	offer(flags, "provider", "aws", "azure", "gcp")
	flags.StringVar(&o.spec.ServiceAccountName, "service-account", "", "ServiceAccount with the pull secrets, or known to the provider")
	flags.BoolVar(&o.spec.Insecure, "insecure", false, "have the agent allow plain HTTP and TLS certificates that nobody vouches for")
	flags.StringArrayVar(&o.ignore, "ignore", nil, "pattern, as in .gitignore, of files to leave out; may be repeated; replaces the default patterns")
	flags.StringArrayVar(&o.labels, "label", nil, "label of the object, as key=value; may be repeated")
	flags.BoolVar(&o.export, "export", false, "print all of it, the pull Secret too")
	flags.BoolVar(&o.apply, "apply", false, "send it to the cluster, by server-side apply, in place of printing it")
	flags.BoolVar(&o.force, "force-conflicts", false, "with --apply, take over fields that others have set")
	o.trust.addFlags(flags)
	o.secrets.addFlags(flags)
}

func (o *createOptions) complete(name string) (err error) {
	if o.name, _, err = objectName(name); err != nil {
		return err
	}
	if wrong := validation.IsDNS1123Subdomain(o.name); len(wrong) > 0 {
		return usageError{fmt.Errorf("NAME %q is no name of an object: lower-case letters and digits, with - and . between them, %d at most", o.name, validation.DNS1123SubdomainMaxLength)}
	}
	if err := o.completeReference(); err != nil {
		return err
	}
	switch {
	case o.export && o.apply:
		return usageError{errors.New("--export prints and --apply sends: give one or the other")}
	case o.force && !o.apply:
		return usageError{errors.New("--force-conflicts is about --apply")}
	case o.interval < time.Second:
		return usageError{fmt.Errorf("--interval %s is shorter than 1s", o.interval)}
	case !slices.Contains([]string{"", v1.ProviderGeneric, v1.ProviderAWS, v1.ProviderAzure, v1.ProviderGCP}, o.spec.Provider):
		return usageError{fmt.Errorf("--provider %q is none of generic, aws, azure, gcp", o.spec.Provider)}
	}
	if err := o.trust.validate(); err != nil {
		return err
	}
	if err := o.secrets.validate(); err != nil {
		return err
	}
	if o.secrets.from != "" && !o.export && !o.apply {
		return usageError{errors.New("the pull Secret would be printed: --export does so all the same, --apply sends it to the cluster")}
	}
	return nil
}

// completeReference reads the URL and what chooses an artifact of it.
func (o *createOptions) completeReference() (err error) {
	if o.spec.URL == "" {
		return usageError{errors.New("--url is missing, as in --url oci://docker.io/org/app-config")}
	}
	if o.repository, err = registry.Parse(o.spec.URL); err != nil {
		return usageError{fmt.Errorf("--url: %w", err)}
	}
	if r := o.repository; r.Tag != "" || r.Digest != "" {
		flag := "--tag " + r.Tag
		if r.Digest != "" {
			flag = "--digest " + r.Digest.String()
		}
		return usageError{fmt.Errorf("--url holds a tag or a digest: write --url %s%s %s", registry.Scheme, r.Name(), flag)}
	}
	o.spec.URL = registry.Scheme + o.repository.Name()
	chosen := slices.DeleteFunc([]string{o.ref.Tag, o.ref.SemVer, o.ref.Digest}, func(s string) bool { return s == "" })
	switch {
	case len(chosen) > 1:
		return usageError{errors.New("--tag, --semver and --digest: give one of them")}
	case o.ref.SemverFilter != "" && o.ref.SemVer == "":
		return usageError{errors.New("--semver-filter is about --semver")}
	}
	return o.checkReference()
}

// checkReference refuses what the agent would stall on.
func (o *createOptions) checkReference() error {
	if o.ref.Tag != "" {
		if err := registry.ValidateTag(o.ref.Tag); err != nil {
			return usageError{fmt.Errorf("--tag: %w", err)}
		}
	}
	if o.ref.SemVer != "" {
		if _, err := semver.NewConstraint(o.ref.SemVer); err != nil {
			return usageError{fmt.Errorf("--semver %q is no range of versions, as '>=1.0.0 <2.0.0' is", o.ref.SemVer)}
		}
	}
	if _, err := regexp.Compile(o.ref.SemverFilter); err != nil {
		return usageError{fmt.Errorf("--semver-filter: %w", err)}
	}
	if d := digest.Digest(o.ref.Digest); d != "" && (d.Validate() != nil || d.Algorithm() != digest.SHA256) {
		return usageError{fmt.Errorf("--digest %q is not sha256: and 64 hex digits", o.ref.Digest)}
	}
	return nil
}

func (o *createOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	all, err := o.objects(ctx, streams)
	if err != nil {
		return err
	}
	if !o.apply {
		return printYAML(streams.Out, all)
	}
	c, err := o.connect(streams.ErrOut)
	if err != nil {
		return err
	}
	for _, u := range all {
		if err := c.apply(ctx, u, o.force); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(streams.Out, "%s/%s applied\n", strings.ToLower(u.GetKind()), u.GetName()); err != nil {
			return err
		}
	}
	return nil
}
