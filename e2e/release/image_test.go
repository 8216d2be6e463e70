package release_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// made is an image as somebody who pulls it has it.
type made struct {
	ref   name.Digest
	index v1.ImageIndex
	image v1.Image
}

// pulled makes the image of this platform as both users: one pushes and signs it, the other writes an archive, which has to hold the same.
func pulled(t *testing.T) made {
	t.Helper()
	platform := "linux/" + runtime.GOARCH
	pushed, err := shop.make(t.Context(), 0, "image", "-version", version, "-platforms", platform, "-with", shop.plugin,
		"-key", shop.key("key"), shop.registry.Host+"/agent")
	if err != nil {
		t.Fatal(err)
	}
	tar := filepath.Join(t.TempDir(), "agent.tar")
	written, err := shop.make(t.Context(), 1, "image", "-version", version, "-platforms", platform, "-with", shop.plugin, tar)
	if err != nil {
		t.Fatal(err)
	}
	_, one, _ := strings.Cut(strings.TrimSpace(pushed), "@")
	if _, other, _ := strings.Cut(strings.TrimSpace(written), "@"); one != other {
		t.Errorf("for one it is %s, for another %s", one, other)
	}
	var m made
	if m.ref, err = name.NewDigest(strings.TrimSpace(pushed)); err != nil {
		t.Fatalf("pushing printed %q: %v", pushed, err)
	}
	if m.index, err = remote.Index(m.ref); err != nil {
		t.Fatal(err)
	}
	list, err := m.index.IndexManifest()
	if err != nil || len(list.Manifests) != 1 || list.Manifests[0].Platform.String() != platform {
		t.Fatalf("the index holds %+v, %v", list, err)
	}
	if m.image, err = m.index.Image(list.Manifests[0].Digest); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestImage(t *testing.T) {
	t.Parallel()
	m := pulled(t)
	t.Run("config", m.config)
	t.Run("tag", m.tag)
	t.Run("files", m.files)
	t.Run("list", m.list)
	t.Run("signature", m.signature)
}

func (m made) config(t *testing.T) {
	file, err := m.image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/agent"}, file.Config.Entrypoint); diff != "" {
		t.Error(diff)
	}
	if file.Config.User != "65532:65532" || file.Config.Env != nil || file.Created.Unix() != 1_700_000_000 {
		t.Errorf("user %q, variables %q, created %v", file.Config.User, file.Config.Env, file.Created)
	}
	manifest, err := m.image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	list, err := m.index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for where, said := range map[string]map[string]string{"labels": file.Config.Labels, "image": manifest.Annotations, "index": list.Annotations} {
		for key, want := range map[string]string{
			"version": version, "created": "2023-11-14T22:13:20Z", "source": "https://github.com/kubectl-oci/kubectl-oci", "licenses": "Apache-2.0",
		} {
			if got := said["org.opencontainers.image."+key]; got != want {
				t.Errorf("%s: %s is %q, want %q", where, key, got, want)
			}
		}
	}
}

// Without a tag in the reference, the version is it.
func (m made) tag(t *testing.T) {
	d, err := remote.Head(m.ref.Context().Tag(version))
	if err != nil || d.Digest.String() != m.ref.DigestStr() || d.MediaType != types.OCIImageIndex {
		t.Errorf("%s is %+v, %v", version, d, err)
	}
}

// The agent, a folder for it and licences are all that there is; and it runs.
func (m made) files(t *testing.T) {
	content := mutate.Extract(m.image)
	defer content.Close()
	agent := filepath.Join(t.TempDir(), "agent")
	var names []string
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name+" "+h.FileInfo().Mode().String())
		if h.Name == "agent" {
			raw, err := io.ReadAll(r)
			if err := errors.Join(err, os.WriteFile(agent, raw, 0o700)); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := []string{
		"agent -rwxr-xr-x", "licenses drwxr-xr-x", "licenses/LICENSE -rw-r--r--", "licenses/THIRD_PARTY_LICENSES.txt -rw-r--r--", "tmp dtrwxrwxrwx",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if runtime.GOOS != "linux" {
		return
	}
	if out, err := exec.CommandContext(t.Context(), agent, "--version").Output(); err != nil || string(out) != "agent "+version+"\n" {
		t.Errorf("it says %q, %v", out, err)
	}
}

// list finds what the image holds, as scanners do: by what refers to the image.
func (m made) list(t *testing.T) {
	digest, err := m.image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	const mediaType = "application/vnd.cyclonedx+json"
	index, err := remote.Referrers(m.ref.Context().Digest(digest.String()), remote.WithFilter("artifactType", mediaType))
	if err != nil {
		t.Fatal(err)
	}
	all, err := index.IndexManifest()
	if err != nil || len(all.Manifests) != 1 {
		t.Fatalf("%+v refer to it, %v", all, err)
	}
	attached, err := remote.Image(m.ref.Context().Digest(all.Manifests[0].Digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	layers, err := attached.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	r, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"name": "agent"`, `"pkg:golang/github.com/google/go-containerregistry@v`, `"pkg:golang/std@`, `golang.org/x/crypto/x509roots/fallback`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it does not list %s", want)
		}
	}
}

func (m made) signature(t *testing.T) {
	if out := plugin(t, "verify", m.ref.Context().Tag(version).String(), "--key", shop.key("pub")); strings.TrimSpace(out) != m.ref.String() {
		t.Errorf("verified %q, want %s", out, m.ref)
	}
}
