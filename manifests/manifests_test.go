package manifests_test

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// object is what these tests look at.
type object struct {
	Kind     string
	Metadata struct {
		Name, Namespace string
		Labels          map[string]string
	}
	Subjects []struct{ Kind, Name, Namespace string }
	Spec     map[string]any
}

const ours = "kubectl-oci" // value of the label app.kubernetes.io/part-of

// Every component works on top of every overlay: what it adds is in the agent's namespace, whatever that is called, and what it permits is
// for the agent that is there.
func TestComponents(t *testing.T) {
	t.Parallel()
	for _, overlay := range overlays(t) {
		for _, component := range append(folders(t, "components"), "") {
			if overlay == "overlays/mirror" && (component == "components/policy" || component == "components/trusted-root") {
				continue // it has them
			}
			for _, namespace := range []string{"", "elsewhere"} {
				t.Run(fmt.Sprintf("%s+%s in %s", overlay, component, namespace), func(t *testing.T) {
					t.Parallel()
					objects := build(t, overlay, component, namespace)
					if got := agent(t, objects).Metadata.Namespace; namespace != "" && got != namespace {
						t.Errorf("the agent is in namespace %q", got)
					}
					checkPlaces(t, overlay, objects)
					checkSelectors(t, objects)
					checkVolumes(t, objects)
				})
			}
		}
	}
}

// What only a component permits is in the very role that the agent has already: there is no binding that somebody else could come to fit.
func TestRightsOfComponents(t *testing.T) {
	t.Parallel()
	for component, right := range map[string]string{"components/watch-secrets": "- secrets\n  - serviceaccounts\n  verbs:\n  - list\n  - watch\n", "components/workload-identity": "- serviceaccounts/token\n"} {
		for _, overlay := range overlays(t) {
			without, with := text(t, overlay, "", ""), text(t, overlay, component, "")
			if strings.Contains(without, right) || strings.Count(with, right) != 1 {
				t.Errorf("%s+%s: not once, and only with the component:\n%s", overlay, component, right)
			}
			if n := strings.Count(with, "Binding\n"); n != strings.Count(without, "Binding\n") {
				t.Errorf("%s+%s has %d bindings", overlay, component, n)
			}
		}
	}
}

// The profile for mirrors lets the agent out to what a policy calls private, and to whoever answers for names, on a node too; nowhere else.
func TestEgressOfMirror(t *testing.T) {
	t.Parallel()
	objects := build(t, "overlays/mirror", "", "")
	i := slices.IndexFunc(objects, func(o object) bool { return o.Metadata.Name == "agent-egress" })
	for address, want := range map[string]string{
		"10.1.2.3": "all", "172.31.0.1": "all", "192.168.1.1": "all", "100.64.0.1": "all", "100.127.0.1": "all", "198.19.0.1": "all", "fd12::1": "all",
		"169.254.20.10": "some", "169.254.169.254": "", "203.0.113.1": "", "2001:db8::1": "",
	} {
		got := ""
		rules, _ := objects[i].Spec["egress"].([]any)
		for _, rule := range rules {
			to, _ := at(rule, "to").([]any)
			for _, peer := range to {
				cidr, _ := at(peer, "ipBlock", "cidr").(string)
				if block, err := netip.ParsePrefix(cidr); err == nil && block.Contains(netip.MustParseAddr(address)) {
					got = map[bool]string{true: "all", false: "some"}[at(rule, "ports") == nil]
				}
			}
		}
		if got != want {
			t.Errorf("%s: %q of its ports are let out to, want %q", address, got, want)
		}
	}
}

func overlays(t *testing.T) []string {
	t.Helper()
	return append(folders(t, "overlays"), ".")
}

func folders(t *testing.T, dir string) (paths []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths
}

// text is what kubectl kustomize makes of a kustomization as users write it.
func text(t *testing.T, overlay, component, namespace string) string {
	t.Helper()
	dir := t.TempDir()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	if here, err = filepath.Rel(dir, here); err != nil {
		t.Fatal(err)
	}
	kustomization := "resources: [" + filepath.Join(here, overlay) + "]\n"
	if component != "" {
		kustomization += "components: [" + filepath.Join(here, component) + "]\n"
	}
	if namespace != "" {
		kustomization += "namespace: " + namespace + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func build(t *testing.T, overlay, component, namespace string) (objects []object) {
	t.Helper()
	for part := range strings.SplitSeq(text(t, overlay, component, namespace), "\n---\n") {
		o := object{}
		if err := yaml.Unmarshal([]byte(part), &o); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	return objects
}

func agent(t *testing.T, objects []object) object {
	t.Helper()
	i := slices.IndexFunc(objects, func(o object) bool { return o.Kind == "Deployment" })
	if i < 0 {
		t.Fatal("no Deployment")
	}
	return objects[i]
}

func checkPlaces(t *testing.T, overlay string, objects []object) {
	t.Helper()
	place := agent(t, objects).Metadata.Namespace
	for _, o := range objects {
		switch o.Kind {
		case "Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding":
			if strings.HasSuffix(overlay, "tenant") {
				t.Errorf("a tenant's agent comes with %s %s", o.Kind, o.Metadata.Name)
			}
		default:
			if o.Metadata.Namespace != place {
				t.Errorf("%s %s is in namespace %q, and the agent in %q", o.Kind, o.Metadata.Name, o.Metadata.Namespace, place)
			}
		}
		for _, s := range o.Subjects {
			if s.Kind != "ServiceAccount" || s.Name != "agent" || s.Namespace != place {
				t.Errorf("%s %s gives rights to %+v", o.Kind, o.Metadata.Name, s)
			}
		}
		if o.Metadata.Labels["app.kubernetes.io/part-of"] != ours && o.Metadata.Name != "source-controller" && o.Kind != "Namespace" {
			t.Errorf("%s %s has not the label that uninstall goes by", o.Kind, o.Metadata.Name)
		}
	}
}

// checkSelectors asks that nothing of ours takes in a Pod of somebody else's that is called agent, too.
func checkSelectors(t *testing.T, objects []object) {
	t.Helper()
	pods := map[string]any{"app.kubernetes.io/name": "agent", "app.kubernetes.io/part-of": ours}
	check := func(o object, path ...string) {
		t.Helper()
		want := pods
		if o.Kind == "Service" && o.Metadata.Name == "source-controller" {
			want = map[string]any{"app": "source-controller"} // word for word Flux's
		}
		got, _ := at(o.Spec, path...).(map[string]any)
		if !maps.Equal(got, want) {
			t.Errorf("%s %s selects %v, not %v", o.Kind, o.Metadata.Name, got, want)
		}
	}
	for _, o := range objects {
		switch o.Kind {
		case "Service":
			check(o, "selector")
		case "NetworkPolicy":
			check(o, "podSelector", "matchLabels")
		case "PodDisruptionBudget":
			check(o, "selector", "matchLabels")
		case "Deployment":
			check(o, "selector", "matchLabels")
			spreads, _ := at(o.Spec, "template", "spec", "topologySpreadConstraints").([]any)
			for _, s := range spreads {
				check(object{Kind: "spread", Spec: s.(map[string]any)}, "labelSelector", "matchLabels")
			}
			labels, _ := at(o.Spec, "template", "metadata", "labels").(map[string]any)
			for key, value := range pods {
				if labels[key] != value {
					t.Errorf("Pods have the label %s: %v", key, labels[key])
				}
			}
		}
	}
}

func checkVolumes(t *testing.T, objects []object) {
	t.Helper()
	volumes, _ := at(agent(t, objects).Spec, "template", "spec", "volumes").([]any)
	for _, v := range volumes {
		name, mounted := at(v, "configMap", "name").(string)
		if mounted && !slices.ContainsFunc(objects, func(o object) bool { return o.Kind == "ConfigMap" && o.Metadata.Name == name }) {
			t.Errorf("the Pod waits for a ConfigMap %q for ever", name)
		}
	}
}

// at gives what is at a path; nil: nothing.
func at(value any, path ...string) any {
	for _, field := range path {
		m, _ := value.(map[string]any)
		value = m[field]
	}
	return value
}
