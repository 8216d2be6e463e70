package main

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// What a kustomization.yaml lists is applied, and nothing beside it; what does more than list is not guessed at.
func TestWhatOfAnArtifactIsApplied(t *testing.T) {
	t.Parallel()
	const list = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: "
	config := func(name string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
	}
	tests := map[string]struct {
		files         map[string]string
		folder        string
		want, toBuild []string
	}{
		"all":               {map[string]string{"a.yaml": config("a"), "b/c.yaml": config("c")}, "", []string{"a", "c"}, nil},
		"a folder":          {map[string]string{"a.yaml": config("a"), "b/c.yaml": config("c"), "bb/d.yaml": config("d")}, "b", []string{"c"}, nil},
		"listed":            {map[string]string{"kustomization.yaml": list + "[a.yaml]", "a.yaml": config("a"), "b.yaml": config("b")}, "", []string{"a"}, nil},
		"listed folders":    {map[string]string{"o/kustomization.yaml": list + "[../base]", "base/kustomization.yaml": list + "[a.yaml]", "base/a.yaml": config("a")}, "o", []string{"a"}, nil},
		"nested":            {map[string]string{"a.yaml": config("a"), "n/kustomization.yaml": list + "[b.yaml]", "n/b.yaml": config("b"), "n/c.yaml": config("c")}, "", []string{"a", "b"}, nil},
		"in a ring":         {map[string]string{"kustomization.yaml": list + "[., a.yaml, a.yaml]", "a.yaml": config("a")}, "", []string{"a"}, nil},
		"transformed":       {map[string]string{"kustomization.yaml": list + "[a.yaml]\nnamePrefix: x-", "a.yaml": config("a")}, "", nil, []string{"kustomization.yaml"}},
		"from elsewhere":    {map[string]string{"kustomization.yaml": list + "['https://example.com/x']"}, "", nil, []string{"kustomization.yaml"}},
		"says not what":     {map[string]string{"kustomization.yaml": "resources: [a.yaml]", "a.yaml": config("a"), "b.yaml": config("b")}, "", []string{"a"}, nil},
		"no such folder":    {map[string]string{"a.yaml": config("a")}, "b", nil, []string{"b"}},
		"no such file":      {map[string]string{"kustomization.yaml": list + "[a.yaml, b.yaml]", "a.yaml": config("a")}, "", []string{"a"}, []string{"b.yaml"}},
		"plain folder":      {map[string]string{"kustomization.yaml": list + "[b]", "b/a.yaml": config("a")}, "", nil, []string{"b"}},
		"out of the folder": {map[string]string{"kustomization.yaml": list + "[../../etc]", "a.yaml": config("a")}, "", nil, []string{"../../etc"}},
		"absolute":          {map[string]string{"o/kustomization.yaml": list + "[/a.yaml]", "o/a.yaml": config("a")}, "o", nil, []string{"/a.yaml"}},
		"broken":            {map[string]string{"a.yaml": config("a"), "b.yaml": "a: ["}, "", []string{"a"}, []string{"b.yaml"}},
		"broken and listed": {map[string]string{"kustomization.yaml": list + "[b.yaml]", "b.yaml": "a: ["}, "", nil, []string{"b.yaml"}},
		"broken beside":     {map[string]string{"kustomization.yaml": list + "[a.yaml]", "a.yaml": config("a"), "b.yaml": "a: ["}, "", []string{"a"}, nil},
		"broken elsewhere":  {map[string]string{"o/a.yaml": config("a"), "b.yaml": "a: ["}, "o", []string{"a"}, nil},
	}
	for name, tc := range tests {
		s, err := packedOf(t, tc.files).selecting(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		objects, toBuild := s.applied(tc.folder)
		var got, unbuilt []string
		for _, o := range objects {
			got = append(got, o.Name)
		}
		for _, o := range toBuild {
			unbuilt = append(unbuilt, o.File)
		}
		slices.Sort(got)
		if diff := cmp.Diff([][]string{tc.want, tc.toBuild}, [][]string{got, unbuilt}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func packedOf(t *testing.T, files map[string]string) *packed {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	spool := archive.NewSpool(spoolMemory)
	t.Cleanup(func() { _ = spool.Close() })
	summary, err := archive.Pack(t.Context(), spool, tree, archive.PackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &packed{spool, "packed", summary.Digest}
}

// What one side's file cannot tell is not taken for gone from the other side.
func TestFileThatCannotBeReadIsComparedAsAWhole(t *testing.T) {
	t.Parallel()
	const good = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
	var said strings.Builder
	d, err := compare(t.Context(), packedOf(t, map[string]string{"a.yaml": good}), packedOf(t, map[string]string{"a.yaml": good + "b: ["}), newReporter(&said))
	if err != nil || len(d.Objects) > 0 || len(d.Files) != 1 || !strings.Contains(said.String(), "compared as a whole") {
		t.Errorf("got %+v, %v, said %s", d, err, &said)
	}
}

func TestInventory(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]resource.ID{
		"apps_web_apps_Deployment": {Group: "apps", Kind: "Deployment", Namespace: "apps", Name: "web"},
		"_apps__Namespace":         {Kind: "Namespace", Name: "apps"},
		"_system__controller_rbac.authorization.k8s.io_ClusterRole": {Group: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "system:controller"},
		"a_b__c__d__ConfigMap": {Kind: "ConfigMap", Namespace: "a", Name: "b:c:d"},
		"":                     {},
		"a_b":                  {},
		"___":                  {},
	} {
		if got, ok := parseInventory(id); got != want && ok || ok != (want != resource.ID{}) {
			t.Errorf("%q: got %+v, %t", id, got, ok)
		}
	}
}

// A Kustomization may be of any form that the API server let pass.
func TestReadKustomization(t *testing.T) {
	t.Parallel()
	u := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": "app", "namespace": "flux-system"},
		"spec":     map[string]any{"path": "./../deploy/", "prune": true, "targetNamespace": "apps", "patches": []any{}},
		"status":   map[string]any{"inventory": map[string]any{"entries": []any{map[string]any{"id": "apps_web_apps_Deployment", "v": "v1"}, "odd", map[string]any{"id": int64(3)}}}},
	}}
	k, err := readKustomization(u)
	if err != nil || k.folder != "deploy" || !k.prune || k.target() != "apps" || len(k.inventory) != 1 || !slices.Equal(k.changes, []string{"spec.patches"}) {
		t.Errorf("got %+v, %v", k, err)
	}
	if k, err := readKustomization(&unstructured.Unstructured{Object: map[string]any{}}); err != nil || k.folder != "" || k.prune {
		t.Errorf("got %+v, %v", k, err)
	}
	if _, err := readKustomization(&unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"inventory": map[string]any{"entries": "x"}}}}); err == nil {
		t.Error("entries that are none are read")
	}
}
