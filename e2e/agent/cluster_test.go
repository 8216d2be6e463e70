package agent_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// agentNamespace is where manifests/ put the agent.
const agentNamespace = "oci-system"

// cluster is the API server with what manifests/ install.
type cluster struct {
	admin client.WithWatch // what tests arrange and look with
	token string           // of the ServiceAccount that manifests/ give the agent, with no more rights than by default
	front *front           // through which the agents reach the API server
}

// install does what the installation's one command does.
func install(ctx context.Context, dir string) (*cluster, error) {
	if _, err := kubectl(ctx, "", "apply", "--server-side", "-k", filepath.Join(root, "manifests")); err != nil {
		return nil, err
	}
	if _, err := kubectl(ctx, "", "wait", "--for=condition=Established", "--timeout=60s", "crd/ocirepositories."+v1.Group); err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", bed.Kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	c := &cluster{}
	if c.admin, err = newClient(config); err != nil {
		return nil, err
	}
	if c.front, err = newFront(ctx, config); err != nil {
		return nil, err
	}
	c.token, err = c.logIn(ctx, "agent")
	return c, err
}

func newClient(config *rest.Config) (client.WithWatch, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, eventsv1.AddToScheme, v1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme})
}

// logIn asks for the token that a Pod of that ServiceAccount would be given.
func (c *cluster) logIn(ctx context.Context, account string) (token string, err error) {
	request := &authenticationv1.TokenRequest{}
	object := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: agentNamespace, Name: account}}
	if err := c.admin.SubResource("token").Create(ctx, object, request); err != nil {
		return "", fmt.Errorf("ask for a token of account %q: %w", account, err)
	}
	return request.Status.Token, nil
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://%s", certificate-authority-data: %s}}]
users: [{name: u, user: {token: %q}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`

// writeKubeconfig writes a kubeconfig of a ServiceAccount and nobody else.
func (c *cluster) writeKubeconfig(path, token string) error {
	authority := base64.StdEncoding.EncodeToString(c.front.authority)
	return os.WriteFile(path, []byte(fmt.Sprintf(kubeconfig, c.front.Addr, authority, token)), 0o600)
}

// kubectl runs as cluster-admin and returns what it printed.
func kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, bed.Kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+bed.Kubeconfig)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
