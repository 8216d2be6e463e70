package release_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// The blocks marked bash of the page on installing are run here, in order, where the archives of a release can be had; those marked sh of all
// other pages elsewhere.
var block = regexp.MustCompile("(?ms)^```bash\n(.*?)^```$")

func TestCommandsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(shop.root, "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(shop.key("pub"))
	if err != nil {
		t.Fatal(err)
	}
	h := newHome(t)
	if err := os.WriteFile(filepath.Join(h.dir, "cosign.pub"), public, 0o600); err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer(
		"https://github.com/kubectl-oci/kubectl-oci/releases/download/"+version, shop.server.URL,
		"https://git.example.com/kubectl-oci/krew-index.git", h.index(t),
		"registry.example.com/", shop.registry.Host+"/",
		"linux_amd64", runtime.GOOS+"_"+runtime.GOARCH,
	)
	blocks := block.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Fatalf("the page has %d blocks", len(blocks))
	}
	for _, b := range blocks {
		cmd := h.command(t, "bash", "-euo", "pipefail", "-c", here.Replace(b[1]))
		cmd.Env = append(cmd.Env, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, b[1], out)
		}
	}
}
