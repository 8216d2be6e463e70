package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// repository is a folder whose profiles install the agent from the images given.
func repository(t *testing.T, images map[string]string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "manifests", "rendered")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for profile, image := range images {
		text := "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - args: []\n        image: " + image + "\n"
		if err := os.WriteFile(filepath.Join(dir, profile+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// A plugin installs the agent of its own release, or it would take newer agents back.
func TestReleaseInstallsItsOwnAgent(t *testing.T) {
	t.Parallel()
	const image = "ghcr.io/kubectl-oci/agent"
	for name, c := range map[string]struct {
		images map[string]string
		want   string // in the error
	}{
		"an older one":           {map[string]string{"default": image + ":v1.2.2"}, "default.yaml installs " + image + ":v1.2.2"},
		"the final one":          {map[string]string{"default": image + ":v1.2"}, "newTag: v1.2.3 in manifests/agent/kustomization.yaml, then make generate"},
		"one profile's is older": {map[string]string{"default": image + ":v1.2.3", "mirror": "mirror.example.com/kubectl-oci/agent:v1.2.2"}, "mirror.yaml"},
		"a mirror with a port":   {map[string]string{"default": "mirror.example.com:5000/agent"}, "default.yaml"},
		"none":                   {map[string]string{"default": "''"}, "default.yaml"},
		"no profile":             {nil, "no profiles"},
	} {
		to := filepath.Join(t.TempDir(), "dist")
		err := run(t.Context(), []string{"-root", repository(t, c.images), "-version", "v1.2.3", "-to", to}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
		if _, err := os.Stat(to); err == nil {
			t.Errorf("%s: it began all the same", name)
		}
	}
}

func TestManifestsOfTheRelease(t *testing.T) {
	t.Parallel()
	root := repository(t, map[string]string{"default": "ghcr.io/kubectl-oci/agent:v1.2.3-rc.1", "mirror": "localhost:5000/agent:v1.2.3-rc.1"})
	if err := checkManifests(root, "v1.2.3-rc.1"); err != nil {
		t.Error(err)
	}
}
