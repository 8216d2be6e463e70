package release_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// home is one of a user who has krew, and reaches nobody but the server of the archives.
type home struct{ dir string }

func newHome(t *testing.T) home { return home{t.TempDir()} }

func (h home) command(t *testing.T, name string, args ...string) *exec.Cmd {
	path := filepath.Join(h.dir, "krew", "bin") + string(os.PathListSeparator) + shop.bin + string(os.PathListSeparator) + os.Getenv("PATH")
	if name != "bash" {
		name = filepath.Join(shop.bin, name)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "HOME="+h.dir, "PATH="+path, "KREW_ROOT="+filepath.Join(h.dir, "krew"),
		"KREW_NO_UPGRADE_CHECK=1", "HTTPS_PROXY=http://127.0.0.1:1", "KUBECONFIG="+filepath.Join(h.dir, "config"))
	return cmd
}

func (h home) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := h.command(t, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// manifest writes a manifest under the name of the plugin that it is of.
func (h home) manifest(t *testing.T, raw []byte, name string) string {
	t.Helper()
	path := filepath.Join(h.dir, name+".yaml")
	text := strings.Replace(string(raw), "\n  name: oci\n", "\n  name: "+name+"\n", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What krew's index runs on every manifest also installs it, and wants a licence in the archive.
func TestKrewTakesTheManifest(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(shop.dist(0), "plugins", "oci.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"oci", "oci-artifacts"} {
		h := newHome(t)
		h.run(t, "validate-krew-manifest", "-manifest", h.manifest(t, raw, name))
	}
}

func TestKrewTakesAllPlatforms(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(shop.root, "krew.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"oci", "oci-artifacts"} {
		h := newHome(t)
		h.run(t, "validate-krew-manifest", "-skip-install", "-manifest", h.manifest(t, raw, name))
	}
}

func TestInstallFromAnIndex(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	index := h.index(t)
	h.run(t, "kubectl", "krew", "index", "add", "acme", index)
	said := h.run(t, "kubectl", "krew", "install", "acme/oci")
	const advice = `kubectl oci completion --install-helper "${KREW_ROOT:-$HOME/.krew}/bin"`
	if !strings.Contains(said, advice) {
		t.Errorf("krew does not say %s but\n%s", advice, said)
	}
	if out := h.run(t, "kubectl", "oci", "version", "--client"); !strings.Contains(out, version) {
		t.Errorf("the plugin says %q", out)
	}
	h.run(t, "kubectl", "oci", "completion", "--install-helper", filepath.Join(h.dir, "krew", "bin"))
	if out := h.run(t, "kubectl", "__complete", "oci", "vers"); !strings.Contains(out, "version\t") {
		t.Errorf("kubectl completes to %q", out)
	}
	h.run(t, "kubectl", "krew", "uninstall", "oci")
	if out, err := h.command(t, "kubectl", "oci", "version", "--client").CombinedOutput(); err == nil {
		t.Errorf("it is still there:\n%s", out)
	}
}

func TestInstallWithoutAnIndex(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	cmd := h.command(t, "kubectl", "krew", "install", "--manifest-url="+shop.server.URL+"/krew.yaml")
	cmd.Env = append(cmd.Env, "KREW_DEFAULT_INDEX_URI="+h.index(t)) // krew fetches its own where there is none
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out := h.run(t, "kubectl", "oci", "version", "--client"); !strings.Contains(out, version) {
		t.Errorf("the plugin says %q", out)
	}
}

// index is a repository as the documentation has one made.
func (h home) index(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(h.dir, "index")
	if err := os.CopyFS(filepath.Join(dir, "plugins"), os.DirFS(filepath.Join(shop.dist(0), "plugins"))); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", version}} {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return (&url.URL{Scheme: "file", Path: dir}).String()
}
