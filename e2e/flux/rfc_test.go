package flux_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-oci/kubectl-oci/e2e/fluxcd"
)

// The RFC's own Kustomizations apply what its own OCIRepositories expose. Kustomizations are of v1 by now, which wants to be told whether
// to prune; the second story's signature is not of this test.
func TestRFC(t *testing.T) {
	t.Parallel()
	for namespace, c := range map[string]struct {
		source, kustomization string // files
		repository, tag, path string
	}{
		"flux-system": {"tag.yaml", "kustomization.yaml", "org/app-config", "v1.0.0", ""},
		"default":     {"story.yaml", "story.yaml", "org/my-app-config", "1.2.0", "deploy/"},
	} {
		t.Run(namespace, func(t *testing.T) {
			t.Parallel()
			r := enterRoom(t, whole, namespaceNamed(t, namespace))
			r.startAgent()
			r.repository = bed.Registry.Host + "/" + c.repository
			revision := c.tag + "@" + r.push(c.tag, c.path+"a.yaml", r.settings("rfc", namespace))
			r.applyExample(filepath.Join("..", "agent", "testdata", "rfc", c.source), func(o map[string]any) {
				delete(o["spec"].(map[string]any), "verify")
				delete(o["spec"].(map[string]any), "secretRef")
			})
			r.applyExample(filepath.Join("testdata", "rfc", c.kustomization), func(o map[string]any) {
				o["apiVersion"] = fluxcd.KustomizeGroup + "/v1"
				o["spec"].(map[string]any)["prune"] = true
			})
			r.untilAdvertised("app-config", revision)
			r.untilApplied("app", revision)
			r.untilSettings("rfc", namespace)
		})
	}
}

// namespaceNamed sees to it that a namespace is there, and returns its name.
func namespaceNamed(t *testing.T, namespace string) string {
	t.Helper()
	if namespace != "default" {
		if err := whole.admin.Create(soon(t), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
			t.Fatal(err)
		}
	}
	return namespace
}

// applyExample has kubectl apply an example with the registry at hand in it.
func (r *room) applyExample(path string, edit func(map[string]any)) {
	r.t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	var object map[string]any
	if err := yaml.Unmarshal(raw, &object); err != nil {
		r.t.Fatal(err)
	}
	edit(object)
	if raw, err = yaml.Marshal(object); err != nil {
		r.t.Fatal(err)
	}
	text := strings.NewReplacer("oci://docker.io/", "oci://"+bed.Registry.Host+"/", "oci://ghcr.io/", "oci://"+bed.Registry.Host+"/").Replace(string(raw))
	if _, err := r.cluster.kubectl(soon(r.t), text, "apply", "-f", "-"); err != nil {
		r.t.Fatal(err)
	}
}
