package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Layer is what an artifact has to know of its contents.
type Layer struct {
	Digest digest.Digest // of the compressed bytes
	DiffID digest.Digest // of the tar
	Size   int64         // compressed bytes
}

// Metadata says where the contents come from.
type Metadata struct {
	Created  time.Time // any zone; zero is the Unix epoch, never the clock
	Source   string    // a URL, or empty
	Revision string    // main@sha1:<commit>, or empty
	// Annotations are added to those made of the fields above and win over them.
	Annotations map[string]string
}

// Artifact is a manifest and the config that it names, ready to be pushed after the layer.
type Artifact struct {
	Manifest         []byte
	Config           []byte
	Descriptor       ocispec.Descriptor // of Manifest
	ConfigDescriptor ocispec.Descriptor
	LayerDescriptor  ocispec.Descriptor
}

// New builds the artifact of one layer. Config and layer depend on the tree alone; m shapes only the manifest.
func New(p Profile, l Layer, m Metadata) (*Artifact, error) {
	annotations, err := m.annotations()
	if err != nil {
		return nil, err
	}
	config, err := encode(newConfig(l))
	if err != nil {
		return nil, fmt.Errorf("encode config: %w", err)
	}
	a := &Artifact{
		Config:           config,
		ConfigDescriptor: describe(p.ConfigMediaType, config),
		LayerDescriptor:  ocispec.Descriptor{MediaType: p.LayerMediaType, Digest: l.Digest, Size: l.Size},
	}
	manifest := ocispec.Manifest{
		Versioned:   specs.Versioned{SchemaVersion: 2},
		MediaType:   ManifestOCI,
		Config:      a.ConfigDescriptor,
		Layers:      []ocispec.Descriptor{a.LayerDescriptor},
		Annotations: annotations,
	}
	if err := checkDescriptors(append(manifest.Layers, manifest.Config)); err != nil {
		return nil, err
	}
	if a.Manifest, err = encode(manifest); err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	if len(a.Manifest) > MaxManifest {
		return nil, fmt.Errorf("manifest: more than %d bytes of annotations", MaxManifest)
	}
	a.Descriptor = describe(ManifestOCI, a.Manifest)
	return a, nil
}

// newConfig is a valid image config, so that those accept the artifact who run images. It has no time and names no tool
// version: the same layer always has the same config. The platform is the one that every consumer asks for first.
func newConfig(l Layer) ocispec.Image {
	return ocispec.Image{
		Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{l.DiffID}},
		History:  []ocispec.History{{CreatedBy: "kubectl oci"}},
	}
}

func (m Metadata) annotations() (map[string]string, error) {
	created := m.Created
	if created.IsZero() {
		created = time.Unix(0, 0)
	}
	all := map[string]string{AnnotationCreated: created.UTC().Format(time.RFC3339)}
	if m.Source != "" {
		all[AnnotationSource] = m.Source
	}
	if m.Revision != "" {
		all[AnnotationRevision] = m.Revision
	}
	for key, value := range m.Annotations {
		if key == "" {
			return nil, errors.New("annotation with an empty key")
		}
		all[key] = value
	}
	return all, nil
}

// encode writes v as JSON without HTML escapes, which a person who reads the manifest would not expect.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func describe(mediaType string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
}
