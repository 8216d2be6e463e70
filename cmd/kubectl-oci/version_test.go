package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestImageVersion(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"agent":                                  "latest",
		"agent:v1":                               "v1",
		"registry.example.com:5000/oci/agent":    "latest",
		"registry.example.com:5000/oci/agent:v2": "v2",
		"ghcr.io/oci/agent:v2@sha256:aa":         "v2",
		"ghcr.io/oci/agent@sha256:aa":            "sha256:aa",
		"":                                       "latest",
	} {
		if got := imageVersion(image); got != want {
			t.Errorf("%q: got %q, want %q", image, got, want)
		}
	}
}

// Whatever else somebody has given the label is no agent, and what is not as it should be does no harm.
func TestAgentOf(t *testing.T) {
	t.Parallel()
	const whole = `{metadata: {name: agent, namespace: oci-system},
spec: {replicas: 2, template: {spec: {containers: [{name: proxy, image: x}, {name: agent, image: "ghcr.io/oci/agent:v1"}]}}},
status: {updatedReplicas: 1, readyReplicas: 2}}`
	for text, want := range map[string]*agentVersion{
		whole:                            {"oci-system", "agent", "v1", "ghcr.io/oci/agent:v1", 2, 1},
		`{metadata: {name: dashboards}}`: nil,
		`{spec: {template: {spec: {containers: [{name: agent, image: 1}]}}}}`: nil,
		`{spec: {template: {spec: {containers: [agent]}}}}`:                   nil,
		`{spec: {template: []}}`:                                              nil,
	} {
		u := &unstructured.Unstructured{}
		raw, err := yaml.YAMLToJSON([]byte(strings.Replace(text, "{", "{kind: Deployment, ", 1)))
		if err != nil {
			t.Fatal(err)
		}
		if err := u.UnmarshalJSON(raw); err != nil {
			t.Fatal(err)
		}
		got, ok := agentOf(u)
		if ok != (want != nil) || ok && !cmp.Equal(got, *want) {
			t.Errorf("%s\ngot %+v, %t", text, got, ok)
		}
	}
}
