package flux_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	eventsv1 "k8s.io/api/events/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
	"github.com/kubectl-oci/kubectl-oci/e2e/fluxcd"
	"github.com/kubectl-oci/kubectl-oci/e2e/process"
)

// agentNamespace is where manifests/ put the agent.
const agentNamespace = "oci-system"

// cluster is a control plane with the definitions that Flux's kustomize-controller asks for, and that controller.
type cluster struct {
	dir    string
	plane  *controlplane.ControlPlane
	config *rest.Config
	admin  client.WithWatch

	kustomize *process.Process
}

// startCluster starts a cluster with these definitions, into which a folder of the repository is installed.
func startCluster(ctx context.Context, name, folder string, definitions ...*apiextensionsv1.CustomResourceDefinition) (c *cluster, err error) {
	c = &cluster{dir: filepath.Join(bed.Dir, name)}
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		return c, err
	}
	if c.plane, err = controlplane.Start(ctx, programs.Binaries, c.dir); err != nil {
		return c, err
	}
	if err := c.connect(); err != nil {
		return c, err
	}
	for kind, plural := range map[string]string{ // the latter two for source-controller
		"GitRepository": "gitrepositories", "Bucket": "buckets", "HelmRepository": "helmrepositories", "HelmChart": "helmcharts",
	} {
		definitions = append(definitions, fluxcd.Stub(kind, plural))
	}
	if err := c.define(ctx, definitions...); err != nil {
		return c, err
	}
	if _, err := c.kubectl(ctx, "", "apply", "--server-side", "--force-conflicts", "-k", filepath.Join(root, folder)); err != nil {
		return c, err
	}
	c.kustomize, err = fluxcd.StartKustomizeController(ctx, programs.kustomizeController, c.plane.Kubeconfig, c.dir)
	return c, err
}

func (c *cluster) connect() (err error) {
	if c.config, err = clientcmd.BuildConfigFromFlags("", c.plane.Kubeconfig); err != nil {
		return err
	}
	c.config.QPS = -1
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, eventsv1.AddToScheme, apiextensionsv1.AddToScheme, kustomizev1.AddToScheme, v1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	c.admin, err = client.NewWithWatch(c.config, client.Options{Scheme: scheme})
	return err
}

func (c *cluster) stop() {
	if c == nil {
		return
	}
	if c.kustomize != nil {
		c.kustomize.Stop()
	}
	if c.plane != nil {
		c.plane.Stop()
	}
}

// kubectl runs as cluster-admin and returns what it printed.
func (c *cluster) kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, programs.kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.plane.Kubeconfig)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// writeKubeconfig writes one with the rights that manifests/ give the agent, and no others.
func (c *cluster) writeKubeconfig(path string) error {
	raw, err := os.ReadFile(c.plane.Kubeconfig)
	if err != nil {
		return err
	}
	const key = "    client-certificate-data:"
	account := "    as: system:serviceaccount:" + agentNamespace + ":agent\n"
	text := strings.Replace(string(raw), key, account+key, 1)
	return os.WriteFile(path, []byte(text), 0o600)
}
