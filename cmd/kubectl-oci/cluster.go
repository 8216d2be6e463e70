package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // the ways to log in that kubectl knows
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// fieldManager is who the API server is told changes objects.
const fieldManager = "kubectl-oci"

// cluster is how the API server is reached: kubectl's own flags, with the names and meanings that they have there.
type cluster struct {
	kubeconfig string
	overrides  clientcmd.ConfigOverrides
}

func (c *cluster) addFlags(flags *pflag.FlagSet) {
	names := clientcmd.RecommendedConfigOverrideFlags("")
	for _, unknown := range []*clientcmd.FlagInfo{&names.AuthOverrideFlags.Username, &names.AuthOverrideFlags.Password} {
		unknown.LongName = "" // not kubectl's
	}
	own := pflag.NewFlagSet("cluster", pflag.ContinueOnError)
	own.StringVar(&c.kubeconfig, "kubeconfig", "", "file that says where the cluster is (default: as kubectl)")
	clientcmd.BindOverrideFlags(&c.overrides, own, names)
	shown := map[string]string{
		"kubeconfig": "", "context": "context of the kubeconfig to use", "namespace": "namespace to look in",
		"as": "user to act as", "as-group": "group to act as; may be repeated",
	}
	own.VisitAll(func(f *pflag.Flag) {
		text, ok := shown[f.Name]
		f.Hidden = !ok
		if text != "" {
			f.Usage = text
		}
	})
	flags.AddFlagSet(own)
}

// clusterFlagsNote is for the help of commands with the flags.
const clusterFlagsNote = "kubectl's other flags about the cluster count as well, such as --server and --token: see kubectl options."

// connection is a cluster that is looked at and changed.
type connection struct {
	namespace string // of the flags, or else of the kubeconfig
	client    dynamic.Interface
	config    *rest.Config
	http      *http.Client
	version   string // of the API that the cluster serves
}

// connect reads the kubeconfig. Nothing is sent yet; what the API server warns of later goes to warnings.
func (c *cluster) connect(warnings io.Writer) (*connection, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &c.overrides)
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, explainConfig(err)
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, explainConfig(err)
	}
	config.UserAgent = "kubectl-oci/" + buildVersion()
	config.QPS, config.Burst = 50, 300 // kubectl's
	config.WarningHandler = rest.NewWarningWriter(warnings, rest.WarningWriterOptions{Deduplicate: true})
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, explainConfig(err)
	}
	objects, err := dynamic.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, explainConfig(err)
	}
	return &connection{namespace, objects, config, client, v1.Version}, nil
}

// hintedError is an error that knows what to do about it.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

func explainConfig(err error) error {
	if clientcmd.IsEmptyConfig(err) {
		return &hintedError{errors.New("read kubeconfig: there is none"), "name one with --kubeconfig or in KUBECONFIG"}
	}
	return fmt.Errorf("read kubeconfig: %s", oneLine(err))
}

// olderVersion is what clusters serve that have an older definition of OCIRepository.
const olderVersion = "v1beta2"

// repositories asks for the objects of a namespace, empty: of all, in the version that the cluster serves. It takes the place of
// discovery, which costs requests each time.
func repositories[T any](c *connection, namespace string, ask func(dynamic.ResourceInterface) (T, error)) (T, error) {
	kind := func() dynamic.ResourceInterface {
		return c.client.Resource(repositoryResource(c.version)).Namespace(namespace)
	}
	answer, err := ask(kind())
	if !unserved(err) || c.version == olderVersion {
		return answer, explainUnserved(err)
	}
	c.version = olderVersion
	answer, err = ask(kind())
	return answer, explainUnserved(err)
}

func repositoryResource(version string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: v1.Group, Version: version, Resource: "ocirepositories"}
}

// unserved tells a kind that the API server does not know from an object that is not there.
func unserved(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !apierrors.IsNotFound(err) || status.Status().Details == nil {
		return false
	}
	for _, c := range status.Status().Details.Causes {
		if c.Type == metav1.CauseTypeUnexpectedServerResponse {
			return true
		}
	}
	return false
}

func explainUnserved(err error) error {
	if !unserved(err) {
		return err
	}
	return &hintedError{
		errors.New("the cluster knows no OCIRepository"),
		"install the agent, which brings it: kubectl oci install",
	}
}

// errWaited ends the context of a wait.
var errWaited = errors.New("waited long enough")

// expired tells whether it is the wait's own end, and not somebody's who interrupts.
func expired(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errWaited) }
