package release_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// files gives the SHA-256 of each file below dir.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, path))
		sum := sha256.Sum256(content)
		sums[path] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// plugin runs the plugin of the release.
func plugin(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shop.plugin, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("kubectl oci %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

func TestWhoReleasesDoesNotMatter(t *testing.T) {
	t.Parallel()
	one, other := files(t, shop.dist(0)), files(t, shop.dist(1))
	if diff := cmp.Diff(one, other); diff != "" {
		t.Error(diff)
	}
	base := strings.TrimSuffix(archive(), ".tar.gz")
	for _, name := range []string{archive(), base + ".cdx.json", "checksums.txt", "krew.yaml", "plugins/oci.yaml"} {
		if one[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestChecksums(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "checksums.txt")
	cmd.Dir = shop.dist(0)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), ": OK\n") != len(files(t, cmd.Dir))-1 {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPublishedReleaseIsSignedAndWhole(t *testing.T) {
	t.Parallel()
	if !regexp.MustCompile(`\A` + shop.registry.Host + `/kubectl-oci/release@sha256:[0-9a-f]{64}\n\z`).MatchString(shop.reference) {
		t.Fatalf("publishing printed %q", shop.reference)
	}
	to := filepath.Join(t.TempDir(), "release")
	plugin(t, "pull", shop.registry.Host+"/kubectl-oci/release:"+version, "--to", to, "--verify", "--key", shop.key("pub"))
	if diff := cmp.Diff(files(t, shop.dist(1)), files(t, to)); diff != "" {
		t.Error(diff)
	}
	said := plugin(t, "inspect", strings.TrimSpace(shop.reference), "-o", "json")
	for _, want := range []string{`"2023-11-14T22:13:20Z"`, `"https://github.com/kubectl-oci/kubectl-oci"`} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %s but\n%s", want, said)
		}
	}
}

// A mistake in the command line, such as no VERSION at all, costs nobody the release that is there.
func TestWrongVersionLeavesTheLastRelease(t *testing.T) {
	t.Parallel()
	tree := filepath.Join(t.TempDir(), "tree")
	if err := errors.Join(copyTree(t.Context(), shop.root, tree), os.MkdirAll(filepath.Join(tree, "dist"), 0o755)); err != nil {
		t.Fatal(err)
	}
	last := filepath.Join(tree, "dist", "checksums.txt")
	if err := os.WriteFile(last, []byte("sums"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "make", "-C", tree, "release", "VERSION=1.2.3").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `version "1.2.3" is not as in`) {
		t.Errorf("got %v\n%s", err, out)
	}
	if _, err := os.Stat(last); err != nil {
		t.Error(err)
	}
}

// Scanners look components up by these addresses.
func TestListNamesModules(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(shop.dist(0), strings.TrimSuffix(archive(), ".tar.gz")+".cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Components []struct {
			Name, PURL string
			Hashes     []any
		}
	}
	if err := json.Unmarshal(raw, &list); err != nil || len(list.Components) < 50 {
		t.Fatalf("it has %d components, %v", len(list.Components), err)
	}
	module := regexp.MustCompile(`\Apkg:golang/[a-z0-9][A-Za-z0-9._~/-]*@v?\d[A-Za-z0-9.+-]*\z`)
	for _, c := range list.Components {
		ours := strings.HasPrefix(c.PURL, "pkg:golang/github.com/kubectl-oci/kubectl-oci@"+version+"#")
		if !ours && (!module.MatchString(c.PURL) || c.Hashes == nil && c.Name != "std") {
			t.Errorf("%s is %s, with the hashes %v", c.Name, c.PURL, c.Hashes)
		}
	}
}

func TestPluginKnowsItsVersion(t *testing.T) {
	t.Parallel()
	if out := plugin(t, "version", "--client"); !strings.Contains(out, version) {
		t.Errorf("it says %q", out)
	}
}
