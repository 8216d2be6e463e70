package artifact

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var layer = Layer{Digest: digest.FromString("layer"), DiffID: digest.FromString("tar"), Size: 5}

func oci(t *testing.T) Profile {
	t.Helper()
	p, err := ProfileNamed("")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func build(t *testing.T, p Profile, m Metadata) *Artifact {
	t.Helper()
	a, err := New(p, layer, m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestNew(t *testing.T) {
	t.Parallel()
	created := time.Date(2024, 5, 6, 7, 8, 9, 0, time.FixedZone("somewhere", 9*3600))
	a := build(t, oci(t), Metadata{
		Created:     created,
		Source:      "https://example.com/org/repo",
		Revision:    "main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738",
		Annotations: map[string]string{"a": "b=c", "team": "<ops & co>"},
	})
	want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"` + string(digest.FromBytes(a.Config)) + `","size":204},` +
		`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"` + string(layer.Digest) + `","size":5}],` +
		`"annotations":{"a":"b=c","org.opencontainers.image.created":"2024-05-05T22:08:09Z",` +
		`"org.opencontainers.image.revision":"main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738",` +
		`"org.opencontainers.image.source":"https://example.com/org/repo","team":"<ops & co>"}}`
	if diff := cmp.Diff(want, string(a.Manifest)); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	wantConfig := `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["` + string(layer.DiffID) + `"]},` +
		`"history":[{"created_by":"kubectl oci"}]}`
	if diff := cmp.Diff(wantConfig, string(a.Config)); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if got := a.Descriptor; got.MediaType != ManifestOCI || got.Digest != digest.FromBytes(a.Manifest) || got.Size != int64(len(a.Manifest)) {
		t.Errorf("descriptor %+v does not describe the manifest", got)
	}
	m, err := ParseManifest(a.Manifest)
	if err != nil {
		t.Fatalf("parse what New built: %v", err)
	}
	if diff := cmp.Diff(a.LayerDescriptor, m.Layers[0]); diff != "" {
		t.Errorf("layer (-want +got):\n%s", diff)
	}
}

// The metadata, which changes with every commit, must not reach the config.
func TestConfigDependsOnLayerAlone(t *testing.T) {
	t.Parallel()
	a := build(t, oci(t), Metadata{})
	b := build(t, oci(t), Metadata{Created: time.Unix(1e9, 0), Source: "s", Revision: "r", Annotations: map[string]string{"k": "v"}})
	if a.ConfigDescriptor.Digest != b.ConfigDescriptor.Digest {
		t.Error("the config changed with the metadata")
	}
	if a.Descriptor.Digest == b.Descriptor.Digest {
		t.Error("the manifest did not change with the metadata")
	}
}

func TestAnnotations(t *testing.T) {
	t.Parallel()
	const epoch = "1970-01-01T00:00:00Z"
	for name, tt := range map[string]struct {
		metadata Metadata
		want     map[string]string
	}{
		"nothing given": {Metadata{}, map[string]string{AnnotationCreated: epoch}},
		"own annotation wins": {
			Metadata{Created: time.Unix(1e9, 0), Revision: "r", Annotations: map[string]string{AnnotationCreated: "mine", AnnotationRevision: ""}},
			map[string]string{AnnotationCreated: "mine", AnnotationRevision: ""},
		},
		"source": {Metadata{Source: "s"}, map[string]string{AnnotationCreated: epoch, AnnotationSource: "s"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := ParseManifest(build(t, oci(t), tt.metadata).Manifest)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, m.Annotations); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		layer    Layer
		metadata Metadata
		want     string
	}{
		"empty key":        {layer, Metadata{Annotations: map[string]string{"": "v"}}, "empty key"},
		"no layer digest":  {Layer{DiffID: layer.DiffID}, Metadata{}, "digest"},
		"too much to read": {layer, Metadata{Annotations: map[string]string{"k": strings.Repeat("v", MaxManifest)}}, "annotations"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(oci(t), tt.layer, tt.metadata)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

func TestProfileNamed(t *testing.T) {
	t.Parallel()
	flux, err := ProfileNamed("flux")
	if err != nil {
		t.Fatal(err)
	}
	a := build(t, flux, Metadata{})
	if a.ConfigDescriptor.MediaType != ConfigFlux || a.LayerDescriptor.MediaType != LayerFlux {
		t.Errorf("media types %q and %q", a.ConfigDescriptor.MediaType, a.LayerDescriptor.MediaType)
	}
	if _, err := ProfileNamed("helm"); err == nil {
		t.Error("profile helm was accepted")
	}
}

// The config must be one that image tools read.
func TestConfigIsAnImageConfig(t *testing.T) {
	t.Parallel()
	var config ocispec.Image
	if err := json.Unmarshal(build(t, oci(t), Metadata{}).Config, &config); err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Architecture != "amd64" || config.RootFS.Type != "layers" ||
		len(config.RootFS.DiffIDs) != 1 || len(config.History) != 1 || config.Created != nil {
		t.Errorf("config %+v", config)
	}
}
