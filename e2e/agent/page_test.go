package agent_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// page is docs/api/ocirepository.md.
func page(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "docs", "api", "ocirepository.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// blocks are the code blocks of a page in a language.
func blocks(t *testing.T, language string) (found []string) {
	t.Helper()
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page(t), -1) {
		found = append(found, match[1])
	}
	if len(found) == 0 {
		t.Fatalf("no block of %s", language)
	}
	return found
}

// The API server takes every example of the page; one with no more than a part of a spec is the first example with that in it.
func TestPageExamples(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	var first map[string]any
	for _, block := range blocks(t, "yaml") {
		object := map[string]any{}
		if err := yaml.Unmarshal([]byte(block), &object); err != nil {
			t.Fatalf("%v in\n%s", err, block)
		}
		if status, ok := object["status"]; ok {
			checkFields(t, status)
			continue
		}
		switch kind := object["kind"]; {
		case first == nil:
			first = object
		case kind == nil:
			object = overlaid(t, first, object)
		case kind != v1.KindOCIRepository:
			continue // of another project
		}
		object["metadata"].(map[string]any)["namespace"] = r.namespace
		raw, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kubectl(soon(t), string(raw), "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"); err != nil {
			t.Errorf("%v\n%s", err, block)
		}
	}
}

// checkFields takes a status for what it says, and no field for one that does not exist.
func checkFields(t *testing.T, status any) {
	t.Helper()
	raw, err := yaml.Marshal(status)
	if err == nil {
		err = yaml.UnmarshalStrict(raw, &v1.OCIRepositoryStatus{})
	}
	if err != nil {
		t.Errorf("status: %v", err)
	}
}

// overlaid is the object with the spec's fields of a fragment.
func overlaid(t *testing.T, object, fragment map[string]any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]any{}
	if err := json.Unmarshal(raw, &made); err != nil {
		t.Fatal(err)
	}
	maps.Copy(made["spec"].(map[string]any), fragment["spec"].(map[string]any))
	return made
}

// The commands of the page, in order, do what they are said to do.
func TestPageCommands(t *testing.T) {
	t.Parallel()
	reg := registry.For(t, registry.Options{})
	push(t, reg, "org/app-config", folder("a.yaml", "a: 1\n"), "1.4.0")
	dir := t.TempDir()
	example := strings.ReplaceAll(blocks(t, "yaml")[0], "oci://docker.io/", "oci://"+reg.Host+"/")
	if err := os.WriteFile(filepath.Join(dir, "app-config.yaml"), []byte(example), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(bed.Kubectl, filepath.Join(dir, "kubectl")); err != nil {
		t.Fatal(err)
	}
	for _, script := range blocks(t, "sh") {
		cmd := exec.CommandContext(soon(t), "bash", "-euo", "pipefail", "-c", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "KUBECONFIG="+bed.Kubeconfig)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, script, out)
		}
	}
}

// The page names every field that the schema has.
func TestPageNamesEveryField(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(root, "manifests", "crd", "source.toolkit.fluxcd.io_ocirepositories.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(raw, &definition); err != nil {
		t.Fatal(err)
	}
	text, n := page(t), 0
	for _, version := range definition.Spec.Versions {
		top := version.Schema.OpenAPIV3Schema.Properties
		for _, name := range []string{"spec", "status"} {
			for _, path := range top[name].paths(name) {
				if n++; !strings.Contains(text, "`"+path+"`") {
					t.Errorf("the page says nothing of %s", path)
				}
			}
		}
	}
	if n < 80 {
		t.Errorf("only %d fields were found", n)
	}
}

type schema struct {
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
}

// paths are all fields below a path. Those of conditions are the same in every API.
func (s schema) paths(path string) (all []string) {
	if s.Items != nil && path != "status.conditions" {
		all = s.Items.paths(path + "[]")
	}
	for name, field := range s.Properties {
		all = append(append(all, path+"."+name), field.paths(path+"."+name)...)
	}
	return all
}
