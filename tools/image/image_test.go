package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

// small is a repository whose agent is as small as can be.
func small(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "cmd", "agent"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"go.mod": "module example.com/small\ngo 1.26\n", "LICENSE": "do as you like", "cmd/agent/main.go": "package main\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// A node finds its own image in the index, and a scanner each image's list, which is none of the index's entries.
func TestIndexOfTwoPlatforms(t *testing.T) {
	t.Parallel()
	origin := build.Origin{Root: small(t), Version: "v1.2.3", Created: time.Unix(1_700_000_000, 0).UTC()}
	dir := filepath.Join(t.TempDir(), "layout")
	if err := write(t.Context(), dir, origin, []build.Platform{{OS: "linux", Arch: "amd64"}, {OS: "linux", Arch: "arm64"}}); err != nil {
		t.Fatal(err)
	}
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := top.IndexManifest()
	if err != nil || len(all.Manifests) != 3 {
		t.Fatalf("the layout holds %+v, %v", all, err)
	}
	index, err := top.ImageIndex(all.Manifests[2].Digest)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for i, entry := range entries.Manifests {
		platforms = append(platforms, entry.Platform.String())
		image, err := index.Image(entry.Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.ConfigFile()
		if err != nil || config.Platform().String() != entry.Platform.String() {
			t.Errorf("the image for %s is for %v, %v", entry.Platform, config.Platform(), err)
		}
		list, err := top.Image(all.Manifests[i].Digest)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := list.Manifest(); err != nil || m.Subject == nil || m.Subject.Digest != entry.Digest {
			t.Errorf("the list for %s is of another image, %v", entry.Platform, err)
		}
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Error(diff)
	}
}

// Nobody could tell whose signature it is.
func TestImageIsNotSignedWithAKeyThatNobodyKnows(t *testing.T) {
	t.Parallel()
	args := []string{"-root", small(t), "-version", "v1.2.3", "-platforms", "linux/amd64", "-key", "cosign.key", "localhost:1/agent"}
	if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "no cosign.pub in the repository") {
		t.Errorf("got %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{
		"no version":                "agent.tar",
		"no place":                  "-version v1.2.3",
		"two places":                "-version v1.2.3 agent.tar other.tar",
		"what the agent is not for": "-version v1.2.3 -platforms windows/amd64 agent.tar",
		"a platform that is none":   "-version v1.2.3 -platforms linux agent.tar",
	} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
