package install_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writePolicy(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(onLoopback), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A source-controller as Flux deploys it.
const sourceController = `apiVersion: apps/v1
kind: Deployment
metadata: {name: source-controller, namespace: flux-system, labels: {app.kubernetes.io/component: source-controller}}
spec:
  selector: {matchLabels: {app: source-controller}}
  template:
    metadata: {labels: {app: source-controller}}
    spec: {containers: [{name: manager, image: none, args: [--storage-path=/data]}]}
---
apiVersion: v1
kind: Service
metadata: {name: source-controller, namespace: flux-system, labels: {app.kubernetes.io/part-of: flux}}
spec: {selector: {app: source-controller}, ports: [{name: http, port: 80, targetPort: http}]}
`

// Where somebody would write the same objects, nothing is changed, and the way out is told, for each profile; and that way works.
func TestSourceController(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	startNode(c)
	c.kubectl("create namespace flux-system")
	c.refuses("install --profile beside-flux", "error: profile beside-flux: the cluster knows no OCIRepository\nhint: it takes Flux's definition", "--profile default")
	c.kubectl("apply --server-side -f " + definition) // nobody's that has our label
	c.kubectl("wait --for=condition=Established --timeout=60s crd/ocirepositories.source.toolkit.fluxcd.io")
	c.feed(sourceController, "apply --server-side -f -")

	const runs = `error: source-controller runs in namespace "flux-system", and would write the `
	c.refuses("install", runs+"same objects\n", "hint: --profile beside-flux leaves it the objects without a label, --profile replace-source-controller takes its place\n")
	c.refuses("install --profile beside-flux", runs+"objects with the label sharding.fluxcd.io/key=oci too\n", "--watch-label-selector=!sharding.fluxcd.io/key")
	c.refuses("install --profile replace-source-controller", runs, "kubectl scale deployment/source-controller -n flux-system --replicas=0")
	if c.exists("deployment/agent -n oci-system") || c.exists("deployment/agent -n flux-system") {
		t.Error("something was installed all the same")
	}

	// Beside it.
	c.kubectl(`patch deployment source-controller -n flux-system --type=json -p [{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"--watch-label-selector=!sharding.fluxcd.io/key"}]`)
	c.oci("install --profile beside-flux --timeout 2m")
	c.refuses("install --profile replace-source-controller", runs)
	c.kubectl("scale deployment source-controller -n flux-system --replicas=0")
	c.refuses("install --profile replace-source-controller", `error: an agent for the whole cluster is installed in namespace "oci-system"`, "kubectl oci uninstall -n oci-system")
	c.oci("uninstall --yes")

	// In its place. What Flux made stays as it is, and is left when the agent goes.
	out := c.oci("install --profile replace-source-controller --timeout 2m")
	c.says(out, "service/source-controller unchanged\n")
	selector := c.kubectl("get service source-controller -n flux-system -o jsonpath={.spec.selector}{.metadata.labels}")
	if want := `{"app":"source-controller"}{"app.kubernetes.io/part-of":"flux"}`; selector != want {
		t.Errorf("the Service has %s, want %s", selector, want)
	}
	c.says(c.oci("uninstall --yes"), "stays: service/source-controller, which others manage: ", "stays: namespace/flux-system, which somebody else made\n")
	if !c.exists("service/source-controller -n flux-system") {
		t.Error("Flux's Service is gone")
	}

	// And a definition of somebody else's is not changed by a profile that has one.
	before := c.kubectl("get crd ocirepositories.source.toolkit.fluxcd.io -o jsonpath={.metadata.resourceVersion}")
	c.says(c.oci("install --wait=false"), "customresourcedefinition/ocirepositories.source.toolkit.fluxcd.io left alone: somebody else made it\n")
	if now := c.kubectl("get crd ocirepositories.source.toolkit.fluxcd.io -o jsonpath={.metadata.resourceVersion}"); now != before {
		t.Error("Flux's definition was changed")
	}
}

// Somebody without the rights is told all that is missing, at once and before anything is changed; somebody with a namespace of his own
// can have an agent for that.
func TestPermissions(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	startNode(c)
	c.kubectl("create namespace team-a")
	c.kubectl("apply --server-side -k manifests/crd")
	c.kubectl("wait --for=condition=Established --timeout=60s crd/ocirepositories.source.toolkit.fluxcd.io")
	c.refuses("install --as alice", "NAMESPACE    RESOURCE", "<none>       namespaces", "oci-system   deployments.apps", "get, create, patch",
		"error: permissions are missing: for 14 of 14 objects\nhint: nothing was changed")
	if c.exists("namespace/oci-system") {
		t.Error("the namespace was made")
	}

	c.kubectl("create rolebinding alice -n team-a --clusterrole=admin --user=alice")
	// Whoever makes the agent's Role has to have what is in it: the right to give what one lacks would be any right.
	c.refuses("install --profile tenant -n team-a --as alice", "error: apply role.rbac.authorization.k8s.io/oci-agent: ", "attempting to grant RBAC permissions not currently held")
	if c.exists("serviceaccount/agent -n team-a") {
		t.Error("something was made all the same")
	}
	c.kubectl("create role sources -n team-a --verb=patch --resource=ocirepositories.source.toolkit.fluxcd.io/status")
	c.kubectl("create rolebinding sources -n team-a --role=sources --user=alice")
	out := c.oci("install --profile tenant -n team-a --as alice --timeout 2m --policy " + writePolicy(t))
	c.says(out, "role.rbac.authorization.k8s.io/oci-agent created\n", `the agent runs in namespace "team-a"`)
	if strings.Contains(out, "clusterrole") {
		t.Errorf("a tenant has got a ClusterRole:\n%s", out)
	}
	c.oci("push " + c.Registry.Host + "/org/app:v1 -f examples/app-config")
	for _, namespace := range []string{"team-a", "default"} {
		c.oci("create app -n " + namespace + " --url oci://" + c.Registry.Host + "/org/app --tag v1 --apply")
	}
	c.oci("reconcile app -n team-a --as alice")
	c.oci("create own -n team-a --as alice --url oci://" + c.Registry.Host + "/org/app --tag v1 --apply")
	if status := c.kubectl("get ocirepository app -n default -o jsonpath={.status.conditions}"); status != "" {
		t.Errorf("the tenant's agent looks at other namespaces: %s", status)
	}
	c.says(c.oci("uninstall --yes -n team-a --as alice"), "stays: namespace/team-a")
}
