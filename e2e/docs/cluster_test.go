package docs_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-oci/kubectl-oci/e2e/fluxcd"
)

// foreign are the kinds of other projects that pages show, and that no API server here knows. Each must still be shown.
var foreign = []string{
	"argoproj.io/v1alpha1 Application",
	"helm.toolkit.fluxcd.io/v2 HelmRelease",
	"image.toolkit.fluxcd.io/v1 ImagePolicy",
	"image.toolkit.fluxcd.io/v1 ImageRepository",
	"kustomize.config.k8s.io/v1beta1 Kustomization",
	"notification.toolkit.fluxcd.io/v1 Receiver",
}

// define makes Flux's definitions.
func (p *place) define() error {
	flux, err := fluxcd.New()
	if err != nil {
		return err
	}
	if err := p.kubectl("", "apply", "--server-side", "-k", filepath.Join(p.root, "manifests", "crd")); err != nil {
		return err
	}
	kustomization := flux.Definition(fluxcd.KustomizeGroup, "Kustomization")
	var text strings.Builder
	for _, d := range []any{kustomization, fluxcd.Stub("GitRepository", "gitrepositories"), fluxcd.Stub("Bucket", "buckets")} {
		raw, err := yaml.Marshal(d)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "---\n%s", raw)
	}
	if err := p.kubectl(text.String(), "apply", "--server-side", "-f", "-"); err != nil {
		return err
	}
	return p.kubectl("", "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
}

func (p *place) kubectl(stdin string, args ...string) error {
	cmd := exec.CommandContext(context.Background(), filepath.Join(p.bin, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+p.kubeconfig)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func startKustomizeController(t *testing.T) {
	t.Helper()
	controller, err := fluxcd.StartKustomizeController(t.Context(), here.kustomize, here.kubeconfig, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(controller.Stop)
}

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// The API server takes every object that a page shows, the plugin every policy.
func TestObjectsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	unseen := map[string]bool{}
	for _, kind := range foreign {
		unseen[kind] = true
	}
	for page, text := range pages(t) {
		for _, match := range yamlBlock.FindAllStringSubmatch(text, -1) {
			for document := range strings.SplitSeq("\n"+match[1], "\n---\n") {
				kind, err := kindOf(document)
				delete(unseen, kind)
				if err != nil && !slices.Contains(foreign, kind) {
					t.Errorf("%s: %v\n%s", page, err, document)
				}
			}
		}
	}
	for kind := range maps.Keys(unseen) {
		t.Errorf("no page shows a %q any more", kind)
	}
}

// kindOf gives what a document is, and what is wrong with it.
func kindOf(document string) (kind string, err error) {
	var object struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
	}
	if err := yaml.Unmarshal([]byte(document), &object); err != nil {
		return "", err
	}
	kind = object.APIVersion + " " + object.Kind
	switch {
	case object.Kind == "":
		return kind, nil // a part of an object
	case object.Kind == "SourcePolicy":
		return kind, here.admission(document)
	case slices.Contains(foreign, kind):
		return kind, nil
	}
	anywhere := regexp.MustCompile(`(?m)^  namespace: .*\n`).ReplaceAllString(document, "") // whose namespace may not be there
	return kind, here.kubectl(anywhere, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-n", "default", "-f", "-")
}

func (p *place) admission(document string) error {
	cmd := exec.CommandContext(context.Background(), filepath.Join(p.bin, "kubectl-oci"), "admission", "-")
	cmd.Stdin = strings.NewReader(document)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl oci admission: %w\n%s", err, out)
	}
	return nil
}
