package agent_test

import (
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// `kubectl apply -k manifests/` is all that an installation takes: the API server knows every field, warns of nothing, and admits the
// agent's Pod under the strictest of its standards.
func TestManifests(t *testing.T) {
	t.Parallel()
	out, err := kubectl(soon(t), "", "apply", "--server-side", "--dry-run=server", "--validate=strict", "-k", filepath.Join(root, "manifests"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out, "serverside-applied"); n < 9 || strings.Contains(out, "Warning") {
		t.Errorf("%d objects:\n%s", n, out)
	}
	w, err := control.admin.Watch(soon(t), &corev1.PodList{}, client.InNamespace(agentNamespace))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		pod, ok := event.Object.(*corev1.Pod)
		if !ok || event.Type != watch.Added {
			continue
		}
		if pod.Spec.ServiceAccountName != "agent" || pod.Labels["app.kubernetes.io/name"] != "agent" {
			t.Errorf("not the agent's: %v", pod)
		}
		return
	}
	t.Error("the Deployment gets no Pod")
}

// All components together, on top of the manifests: known to the API server, and given to the agent.
func TestComponents(t *testing.T) {
	t.Parallel()
	dir := customization(t, "resources: [%[1]s]\ncomponents: [%[1]s/components/policy, %[1]s/components/watch-secrets, %[1]s/components/workload-identity]\n")
	out, err := kubectl(soon(t), "", "apply", "--server-side", "--dry-run=server", "--validate=strict", "-o", "yaml", "-k", dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"- --policy=/etc/oci-agent/policy.yaml\n", "- --watch-secrets\n", "mountPath: /etc/oci-agent\n", "kind: SourcePolicy\n",
		"- serviceaccounts/token\n",
	} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q", part)
		}
	}
}

// What the agent may not do, it cannot do by mistake, nor whoever gets hold of its token.
func TestRights(t *testing.T) {
	t.Parallel()
	as := "--as=system:serviceaccount:" + agentNamespace + ":agent"
	for question, want := range map[string]string{
		"watch ocirepositories -A":                               "yes",
		"patch ocirepositories/status -A":                        "yes",
		"get secrets -A":                                         "yes",
		"create events.events.k8s.io -A":                         "yes",
		"patch events.events.k8s.io -A":                          "no",
		"get serviceaccounts -A":                                 "yes",
		"list serviceaccounts -A":                                "no",
		"list secrets -A":                                        "no",
		"watch secrets -A":                                       "no",
		"update ocirepositories -A":                              "no",
		"delete ocirepositories -A":                              "no",
		"create ocirepositories -A":                              "no",
		"get configmaps -A":                                      "no",
		"create pods -A":                                         "no",
		"impersonate users":                                      "no",
		"create serviceaccounts/token -A":                        "no",
		"get leases -n default":                                  "no",
		"delete leases -n " + agentNamespace:                     "no",
		"create leases.coordination.k8s.io -n " + agentNamespace: "yes",
	} {
		out, err := kubectl(soon(t), "", append([]string{"auth", "can-i", as}, strings.Fields(question)...)...)
		got := strings.TrimSpace(out)
		if err != nil {
			got = "no" // and the exit status says so
		}
		if !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s, want %s", question, got, want)
		}
	}
}

// Both versions of the API are served, and what one cannot say the other cannot either.
func TestVersions(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.create("app", tagged(bed.Registry, "nothing", "v1"))
	for _, version := range []string{"v1", "v1beta2"} {
		out, err := kubectl(soon(t), "", "get", "ocirepositories."+version+".source.toolkit.fluxcd.io/app", "-n", r.namespace, "-o", "jsonpath={.apiVersion} {.spec.interval} {.spec.timeout} {.spec.provider}")
		if want := "source.toolkit.fluxcd.io/" + version + " 1h0m0s 60s generic"; err != nil || out != want {
			t.Errorf("got %q, %v, want %q", out, err, want)
		}
	}
	for spec, says := range map[string]string{ // each tells what is wrong, or what would be right
		"{url: oci://example.com/app}":                                 "interval: Required",
		"{url: oci://example.com/app, interval: 5d}":                   "such as 5m or 1h30m",
		"{url: oci://example.com/app, interval: 5m, timeout: 1h}":      "more than 10m counts as 10m",
		"{url: https://example.com/app, interval: 5m}":                 "write it as oci://host[:port]/path",
		"{url: example.com, interval: 5m}":                             "such as oci://ghcr.io/org/app",
		"{url: oci://example.com/app, interval: 5m, provider: github}": "generic",
		"{url: oci://example.com/app, interval: 5m, branch: main}":     "branch",
	} {
		object := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: wrong, namespace: " + r.namespace + "}\nspec: "
		if _, err := kubectl(soon(t), object+spec, "create", "-f", "-"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q in it", spec, err, says)
		}
	}
	for _, column := range []string{"URL", "READY", "STATUS", "AGE"} {
		if out, err := kubectl(soon(t), "", "get", "ocirepo", "-n", r.namespace); err != nil || !strings.Contains(out, column) {
			t.Errorf("no column %s in %s, %v", column, out, err)
		}
	}
}
