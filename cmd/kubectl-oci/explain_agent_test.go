package main

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// Where the agent's files come from is read of its Deployment, whatever the profile.
func TestWhatADeploymentSaysOfAnAgent(t *testing.T) {
	t.Parallel()
	tenant, err := findProfile("tenant")
	if err != nil {
		t.Fatal(err)
	}
	all, err := tenant.objects()
	if err != nil {
		t.Fatal(err)
	}
	all = all.mount(policyMount(), []byte("rules: []"))
	a := readAgent(all.deployment())
	if a == nil || a.watches("elsewhere") || !a.watches(a.namespace) {
		t.Fatalf("got %+v", a)
	}
	if configMap, key, err := a.source(a.flags["policy"]); err != nil || configMap != "policy" || key != "policy.yaml" {
		t.Errorf("the policy is %q of %q, %v", key, configMap, err)
	}
	for _, path := range []string{"/data/policy.yaml", "/etc/other", ""} {
		if configMap, _, err := a.source(path); err == nil {
			t.Errorf("%q is from %q", path, configMap)
		}
	}
	if a := readAgent(&unstructured.Unstructured{Object: map[string]any{"spec": "odd"}}); a != nil {
		t.Errorf("got %+v", a)
	}
	flags := flagsOf([]string{"--a=b", "-c", "d", "--e", "--f=", "g"})
	if flags["a"] != "b" || flags["c"] != "d" || flags["e"] != "" || len(flags) != 4 {
		t.Errorf("got %v", flags)
	}
}

// An address may hold a password, which the agent refuses; explain is pasted into tickets.
func TestExplainShowsNoPassword(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"oci://user:pw@example.com/x": "oci://example.com/x", "oci://user:p@w/@example.com/x": "oci://example.com/x",
		"oci://example.com/x": "oci://example.com/x", "oci://example.com/x@sha256:ab": "oci://example.com/x@sha256:ab",
		"oci://user:pw@example.com/x@sha256:ab": "oci://example.com/x@sha256:ab",
	} {
		if got := publishedURL(address); got != want {
			t.Errorf("%s: got %s", address, got)
		}
	}
}

// Who names the namespace too gets that one of several.
func TestExplainChoosesByNamespace(t *testing.T) {
	t.Parallel()
	objects := &explainedObjects{name: "file", namespace: "default"}
	for _, namespace := range []string{"a", "b"} {
		id := resource.ID{Group: "source.toolkit.fluxcd.io", Kind: "OCIRepository", Name: "app", Namespace: namespace}
		objects.file = append(objects.file, resource.Object{ID: id, Content: map[string]any{"metadata": map[string]any{"name": "app", "namespace": namespace}}})
	}
	if object, err := objects.repository(t.Context(), "b", "app"); err != nil || object.Namespace != "b" {
		t.Errorf("got %v, %v", object, err)
	}
	for _, chosen := range []string{"", "c"} {
		if object, err := objects.repository(t.Context(), chosen, "app"); err == nil {
			t.Errorf("-n %s: got %v", chosen, object)
		}
	}
}
