package agent_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// The main job: what the plugin pushes is what the cluster sees, byte for byte.
func TestPushedFolderIsExposed(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"oci", "flux"} {
		r := newRoom(t)
		reg := registry.For(t, registry.Options{})
		revision := plugin(t, "push", reg.Host+"/org/app-config:v1.0.0", "-f", "examples/app-config", "--profile", profile)
		_, digest, _ := strings.Cut(strings.TrimSpace(revision), "@")
		r.create("app-config", tagged(reg, "org/app-config", "v1.0.0"))
		o := r.until("app-config", exposes("v1.0.0@"+digest))
		if diff := cmp.Diff(filesOf(t, filepath.Join(root, "examples/app-config")), unpack(t, download(t, o))); diff != "" {
			t.Errorf("%s: files (-pushed +exposed):\n%s", profile, diff)
		}
		for _, annotation := range []string{"org.opencontainers.image.created", v1.MetadataSource} {
			if o.Status.Artifact.Metadata[annotation] == "" {
				t.Errorf("%s: no %s in %v", profile, annotation, o.Status.Artifact.Metadata)
			}
		}
		if layer := firstLayer(t, reg, "org/app-config", digest); layer != o.Status.Artifact.Digest {
			t.Errorf("%s: %s is served, %s was pushed", profile, o.Status.Artifact.Digest, layer)
		}
	}
}

// plugin runs kubectl-oci in the repository and returns what it printed on standard output.
func plugin(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(soon(t), binaries.Plugin, args...)
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("kubectl oci %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// filesOf reads a folder: names and contents.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
