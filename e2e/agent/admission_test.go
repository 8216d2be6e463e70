package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// warnings are what the API server says beside its answers.
type warnings struct {
	mu   sync.Mutex
	last string
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = text
}

func (w *warnings) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.last = "" }()
	return w.last
}

// admit applies what the plugin makes of a policy, for one namespace alone.
func (r *room) admit(policy string) {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(policy), 0o600); err != nil {
		r.t.Fatal(err)
	}
	text, err := pluginInCluster(r.t, "admission", path)
	if err != nil {
		r.t.Fatalf("admission: %v\n%s", err, text)
	}
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil && object.GetKind() == "ValidatingAdmissionPolicyBinding" {
			err = unstructured.SetNestedStringMap(object.Object, map[string]string{"kubernetes.io/metadata.name": r.namespace},
				"spec", "matchResources", "namespaceSelector", "matchLabels")
		}
		if err == nil {
			err = control.admin.Create(soon(r.t), object)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() {
			if err := control.admin.Delete(context.WithoutCancel(r.t.Context()), object); err != nil {
				r.t.Error(err)
			}
		})
	}
}

// The API server denies what the agent would refuse, in the same words, in both versions, and warns of what only the agent can see.
func TestAdmission(t *testing.T) {
	t.Parallel()
	r := newShard(t, "admission")
	said := &warnings{}
	config, err := clientcmd.BuildConfigFromFlags("", bed.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.WarningHandler = said
	warned, err := client.New(config, client.Options{Scheme: control.admin.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	object := func(version, url string, insecure bool) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"interval": "1h", "url": url, "insecure": insecure}}}
		o.SetAPIVersion("source.toolkit.fluxcd.io/" + version)
		o.SetKind("OCIRepository")
		o.SetNamespace(r.namespace)
		o.SetName("new")
		o.SetLabels(map[string]string{shardLabel: "admission"})
		return o
	}
	try := func(o *unstructured.Unstructured) error { return warned.Create(soon(t), o, client.DryRunAll) }
	before := object("v1", "oci://quay.io/org/before", false)
	before.SetName("before")
	if err := warned.Create(soon(t), before); err != nil {
		t.Fatal(err)
	}
	rules := fmt.Sprintf("- {namespaces: [%s], registries: [ghcr.io/org/*], verify: {keys: {a: %q}}}\n- {registries: ['docker.io/**'], insecure: true}\n",
		r.namespace, newSigner(t).public(t))
	for i := range 1000 { // more than one expression can hold
		rules += fmt.Sprintf("- {namespaces: ['other-%d-*'], registries: ['registry-%d.example.com/**', '*.registry-%d.example.com/**/app']}\n", i, i, i)
	}
	r.admit(policyOf(rules))

	// The API server takes a moment to know them.
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	denies := func() bool {
		return strings.Contains(fmt.Sprint(try(object("v1", "oci://quay.io/org/app", false))), "no rule permits")
	}
	warns := func() bool { return try(object("v1", "oci://ghcr.io/org/app", false)) == nil && said.take() != "" }
	for ctx := soon(t); !denies() || !warns(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never counts")
		}
	}
	for _, version := range []string{"v1", "v1beta2"} {
		for _, tc := range []struct {
			url           string
			insecure      bool
			denied, warns string
		}{
			{"oci://GHCR.io:443/org/app", false, "", "rule 1 of the administrator's policy asks for signatures"},
			{"oci://index.docker.io/org/app", true, "", ""},
			{"oci://ghcr.io/org/app/part", false, `the administrator's policy: no rule permits "ghcr.io/org/app/part" to namespace "` + r.namespace + `"; ask whoever runs the agent`, ""},
			{"oci://ghcr.io/org/app", true, "spec.insecure is set: rule 1 of the administrator's policy does not permit it; ask whoever runs the agent", ""},
		} {
			said.take()
			err := try(object(version, tc.url, tc.insecure))
			if (err != nil) != (tc.denied != "") || err != nil && !strings.Contains(err.Error(), tc.denied) {
				t.Errorf("%s %s: %v, want %q", version, tc.url, err, tc.denied)
			}
			if got := said.take(); tc.denied == "" && (got == "") != (tc.warns == "") || !strings.Contains(got, tc.warns) {
				t.Errorf("%s %s: warned %q, want %q", version, tc.url, got, tc.warns)
			}
		}
	}
	for name, tc := range map[string]struct {
		patch  string
		denied bool
	}{
		"suspend":  {`{"spec":{"suspend":true}}`, false},
		"annotate": {`{"metadata":{"annotations":{"a":"b"}}}`, false},
		"move":     {`{"spec":{"url":"oci://quay.io/org/other"}}`, true},
		"insecure": {`{"spec":{"insecure":true}}`, true},
		"mend":     {`{"spec":{"url":"oci://docker.io/org/other"}}`, false},
	} {
		err := control.admin.Patch(soon(t), before.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(tc.patch)), client.DryRunAll)
		if (err != nil) != tc.denied {
			t.Errorf("%s: %v", name, err)
		}
	}
}
