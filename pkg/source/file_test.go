package source

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// pushBlob puts a blob into the registry and describes it as a layer with a title; an empty one is left out.
func (b *bench) pushBlob(mediaType, title string, content []byte) ocispec.Descriptor {
	b.t.Helper()
	d := blobOf(mediaType, content)
	if title != "" {
		d.Annotations = map[string]string{artifact.AnnotationTitle: title}
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	if err := b.repository().PushBlob(b.t.Context(), d, open); err != nil {
		b.t.Fatal(err)
	}
	return d
}

// pushLayers makes tag name a manifest with these layers.
func (b *bench) pushLayers(tag string, layers ...ocispec.Descriptor) {
	b.t.Helper()
	m := ocispec.Manifest{MediaType: artifact.ManifestOCI, Config: b.pushBlob(ocispec.MediaTypeEmptyJSON, "", []byte("{}")), Layers: layers}
	m.SchemaVersion = 2
	b.pushManifest(tag, artifact.ManifestOCI, m)
}

// files are what is served, unpacked.
func (b *bench) files(r Result) map[string]string {
	b.t.Helper()
	dir := b.t.TempDir()
	if err := archive.Extract(b.t.Context(), bytes.NewReader(b.served(r.Entry)), dir, archive.Limits{}); err != nil {
		b.t.Fatal(err)
	}
	found := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			b.t.Fatal(err)
		}
		found[e.Name()] = string(content)
	}
	return found
}

// A layer that is a file is packed, so that consumers can read it.
func TestFileIsPacked(t *testing.T) {
	t.Parallel()
	const object = "kind: Deployment\n"
	for title, want := range map[string]string{
		"app.yaml":         "app.yaml",
		"deploy/app.yml":   "app.yml",
		"../../x.json":     "x.json",
		"/etc/passwd.yaml": "passwd.yaml",
		`C:\k8s\App.YAML`:  "App.YAML",
	} {
		b := newBench(t)
		b.pushLayers("v1", b.pushBlob("application/vnd.oci.image.layer.v1.tar", title, []byte(object)))
		first, failure := b.run(byTag("v1"), Advertised{})
		if failure != nil {
			t.Fatalf("%s: %v", title, failure)
		}
		if diff := cmp.Diff(map[string]string{want: object}, b.files(first)); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", title, diff)
		}
		again, failure := b.run(byTag("v1"), after(first))
		if failure != nil || !again.Unchanged {
			t.Errorf("%s: the second run gives %+v, %v", title, again, failure)
		}
	}
}

func TestFileIsRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		title  string
		more   int
		ignore string
		limits archive.Limits
		want   string
	}{
		"no name":        {"", 0, "", archive.Limits{}, "no annotation org.opencontainers.image.title"},
		"another kind":   {"docs/README.md", 0, "", archive.Limits{}, `the file "README.md"`},
		"no name at all": {"../..", 0, "", archive.Limits{}, `the file ".."`},
		"more layers":    {"a.yaml", 2, "", archive.Limits{}, "first of 3 layers"},
		"ignored":        {"a.yaml", 0, "*.yaml", archive.Limits{}, "no file is left"},
		"long name":      {strings.Repeat("x", 100) + ".yaml", 0, "", archive.Limits{Path: 50}, "bytes in a path"},
		"too large":      {"a.yaml", 0, "", archive.Limits{Expanded: 2000}, "expanded bytes"},
	} {
		b := newBench(t)
		b.Limits = tc.limits
		layers := []ocispec.Descriptor{b.pushBlob("text/yaml", tc.title, []byte("kind: A\n"))}
		for range tc.more {
			layers = append(layers, b.pushBlob("text/yaml", "b.yaml", []byte("kind: B\n")))
		}
		b.pushLayers("v1", layers...)
		spec := byTag("v1")
		if tc.ignore != "" {
			spec.Ignore = &tc.ignore
		}
		_, failure := b.run(spec, Advertised{})
		if failure == nil || failure.Reason != v1.ReasonLayerOperationFailed || !strings.Contains(failure.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, failure, tc.want)
		}
	}
}

// Of several files one can be chosen.
func TestFileIsChosen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayers("v1", b.pushBlob("text/markdown", "README.md", []byte("# A")), b.pushBlob("text/yaml", "a.yaml", []byte("kind: A")))
	spec := byTag("v1")
	spec.LayerSelector = &v1.OCILayerSelector{MediaType: "text/yaml"}
	got, failure := b.run(spec, Advertised{})
	if failure != nil {
		t.Fatal(failure)
	}
	if diff := cmp.Diff(map[string]string{"a.yaml": "kind: A"}, b.files(got)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	spec.LayerSelector = &v1.OCILayerSelector{MediaType: "text/markdown", Operation: v1.LayerCopy}
	if got, failure := b.run(spec, Advertised{}); failure != nil || string(b.served(got.Entry)) != "# A" {
		t.Errorf("copied: %v", failure)
	}
}

// The bytes say what a layer is, not its media type and not its title; what consumers cannot read is written anew.
func TestFormIsToldByTheBytes(t *testing.T) {
	t.Parallel()
	packed := pack(t, map[string]string{"a.yaml": "a: 1"})
	plain := gunzip(t, packed)
	squeeze, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	squeezed := squeeze.EncodeAll(plain, nil)
	for name, content := range map[string][]byte{"tar": plain, "zstd": squeezed, "gzip": packed} {
		b := newBench(t)
		b.pushLayers("v1", b.pushBlob("text/yaml", "archive.yaml", content))
		got, failure := b.run(byTag("v1"), Advertised{})
		if failure != nil {
			t.Fatalf("%s: %v", name, failure)
		}
		if !bytes.Equal(b.served(got.Entry), packed) {
			t.Errorf("%s: what is served is not the reproducible archive of it", name)
		}
		spec := byTag("v1")
		spec.LayerSelector = &v1.OCILayerSelector{Operation: v1.LayerCopy}
		if got, failure := b.run(spec, Advertised{}); failure != nil || !bytes.Equal(b.served(got.Entry), content) {
			t.Errorf("%s, copied: %v", name, failure)
		}
	}
}

func gunzip(t *testing.T, content []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// Who writes a manifest does not send the agent to other hosts.
func TestAddressesInManifestsAreNotFollowed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before := b.requests.Load()
	foreign := blobOf("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", []byte("nowhere"))
	foreign.URLs = []string{"http://" + b.ref.Registry + "/elsewhere"}
	b.pushLayers("v1", foreign)
	_, failure := b.run(byTag("v1"), Advertised{})
	if failure == nil || failure.Reason != v1.ReasonLayerOperationFailed || !strings.Contains(failure.Error(), "are not followed") {
		t.Errorf("%v", failure)
	}
	if b.requests.Load() == before {
		t.Error("the registry was not asked")
	}
}
