package install_test

import (
	"context"
	"strings"
	"testing"
	"time"
)

// The first installation, an upgrade under load, one whose image is nowhere, and the end.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := startNode(c)
	out := c.oci("install --timeout 2m")
	c.says(out, "namespace/oci-system created\n", "deployment.apps/agent created\n", "waiting: ", `the agent runs in namespace "oci-system"`)

	// By default the agent reaches no registry on loopback. The policy that permits it rolls the Deployment, as any upgrade does.
	c.oci("install --timeout 2m --policy " + writePolicy(t))
	c.oci("push " + c.Registry.Host + "/org/app:v1 -f examples/app-config")
	c.oci("create app -n default --url oci://" + c.Registry.Host + "/org/app --tag v1 --apply")
	c.oci("reconcile app -n default")
	path := "/" + c.kubectl("get ocirepository app -n default -o jsonpath={.status.artifact.path}")

	flags := "install --timeout 2m --policy " + writePolicy(t) + " --image registry.example.com/agent:v2"
	out = c.oci(flags + " --dry-run=server")
	c.says(out, "deployment.apps/agent changed\n", "service/agent unchanged\n", "+        image: registry.example.com/agent:v2\n")
	if image := c.kubectl(imageOf); strings.Contains(image, "registry.example.com") {
		t.Errorf("a dry run has changed the image to %s", image)
	}
	served := n.watch(t, path)
	out = c.oci(flags)
	c.says(out, "deployment.apps/agent changed\n", "].image: ghcr.io/kubectl-oci/agent:v0.1.0 -> registry.example.com/agent:v2\n", "service/agent unchanged\n")
	if n := served(); n < 10 {
		t.Errorf("only %d downloads during the upgrade", n)
	}
	if image := c.kubectl(imageOf); image != "registry.example.com/agent:v2" {
		t.Errorf("the image is %s", image)
	}

	// What ran before goes on to serve.
	served = n.watch(t, path)
	c.refuses("install --timeout 5s --policy "+writePolicy(t)+" --image "+unknownImage+".example.com/agent:v3", "ImagePullBackOff: no such image",
		"error: the agent does not run after 5s: ", "hint: --image names")
	served()

	c.refuses("uninstall", "error: there is no terminal to ask on: say --yes")
	c.says(c.oci("uninstall --dry-run=server"), "deployment.apps/agent would be removed\n", "namespace/oci-system would be removed\n")
	c.kubectl("create configmap mine -n oci-system")
	c.says(c.oci("uninstall --yes"), "stays: namespace/oci-system, with configmap/mine in it\n", "stays: 1 object of the kind OCIRepository")
	if !c.exists("configmap/mine -n oci-system") || !c.exists("ocirepository/app -n default") {
		t.Error("uninstall has removed what is not its own")
	}
	c.refuses("uninstall --yes", "error: no agent is installed\n")
}

const imageOf = "get deployment agent -n oci-system -o jsonpath={.spec.template.spec.containers[0].image}"

// watch downloads again and again, until what it returns is called, which gives how often.
func (n *node) watch(t *testing.T, path string) (end func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	count := make(chan int)
	go func() {
		times := 0
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			ready, err := n.serves(ctx, path)
			if ctx.Err() == nil && (err != nil || ready == 0) {
				t.Errorf("%d replicas serve the artifact: %v", ready, err)
			}
			select {
			case <-tick.C:
				times += ready
			case <-ctx.Done():
				count <- times
				return
			}
		}
	}()
	return func() int {
		cancel()
		return <-count
	}
}
