package artifact

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// signed is a manifest with a layer for each text; the text is the layer's annotation, too.
func signed(t *testing.T, texts ...string) []byte {
	t.Helper()
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ManifestOCI}
	for _, text := range texts {
		d := describe("text/plain", []byte("payload"))
		d.Annotations = map[string]string{"signature": text}
		m.Layers = append(m.Layers, d)
	}
	config, err := LayersConfig(m.Layers)
	if err != nil {
		t.Fatal(err)
	}
	m.Config = describe(ocispec.MediaTypeImageConfig, config)
	raw, err := encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestJoin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ manifest, other, want []string }{
		"nothing new":   {[]string{"a", "b"}, []string{"b"}, nil},
		"the same":      {[]string{"a"}, []string{"a"}, nil},
		"a newer one":   {[]string{"a"}, []string{"b", "a"}, []string{"b", "a"}},
		"each has more": {[]string{"a", "b"}, []string{"b", "c"}, []string{"a", "b", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, err := Join(signed(t, test.manifest...), signed(t, test.other...))
			if err != nil {
				t.Fatal(err)
			}
			if test.want == nil {
				if j != nil {
					t.Errorf("got %s", j.Manifest)
				}
				return
			}
			if diff := cmp.Diff(string(signed(t, test.want...)), string(j.Manifest)); diff != "" {
				t.Error(diff)
			}
			if j.Descriptor.Digest != digest.FromBytes(j.Manifest) || j.Descriptor.MediaType != ManifestOCI {
				t.Errorf("described as %v", j.Descriptor)
			}
			var image ocispec.Image
			if j.ConfigContent != nil && (json.Unmarshal(j.ConfigContent, &image) != nil || len(image.RootFS.DiffIDs) != len(test.want)) {
				t.Errorf("its config is %s", j.ConfigContent)
			}
		})
	}
	if _, err := Join(signed(t, "a"), []byte(`{"schemaVersion":2,"manifests":[]}`)); err == nil {
		t.Error("an index is joined")
	}
}
