package artifact

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Joined is a manifest that has the layers of two.
type Joined struct {
	Descriptor ocispec.Descriptor
	Manifest   []byte
	Config     ocispec.Descriptor
	// ConfigContent is what Config describes, where that was made anew; else nil.
	ConfigContent []byte
}

// Join adds to a manifest the layers of another that it lacks, as where each layer is a signature. Nil says that it lacks none. Where the
// other lacks none either, the result is the other, to the byte.
func Join(manifest, other []byte) (*Joined, error) {
	m, err := ParseManifest(manifest)
	if err != nil {
		return nil, fmt.Errorf("join manifests: %w", err)
	}
	more, err := ParseManifest(other)
	if err != nil {
		return nil, fmt.Errorf("join manifests: %w", err)
	}
	missing := without(more.Layers, m.Layers)
	switch {
	case len(missing) == 0:
		return nil, nil //nolint:nilnil // nothing is left to do
	case len(without(m.Layers, more.Layers)) == 0:
		return &Joined{Descriptor: describe(cmp.Or(more.MediaType, ManifestOCI), other), Manifest: other, Config: more.Config}, nil
	}
	m.Layers = append(m.Layers, missing...)
	j := &Joined{Config: m.Config}
	if m.Config.MediaType == ocispec.MediaTypeImageConfig {
		if j.ConfigContent, err = LayersConfig(m.Layers); err != nil {
			return nil, err
		}
		j.Config = describe(m.Config.MediaType, j.ConfigContent)
	}
	m.Config = j.Config
	if j.Manifest, err = encode(m); err == nil && len(j.Manifest) > MaxManifest {
		err = fmt.Errorf("join manifests: more than %d bytes", MaxManifest)
	}
	j.Descriptor = describe(cmp.Or(m.MediaType, ManifestOCI), j.Manifest)
	return j, err
}

// without gives those of all that are not among others, as they are described there.
func without(all, others []ocispec.Descriptor) []ocispec.Descriptor {
	return slices.DeleteFunc(slices.Clone(all), func(d ocispec.Descriptor) bool {
		return slices.ContainsFunc(others, func(o ocispec.Descriptor) bool {
			return o.Digest == d.Digest && maps.Equal(o.Annotations, d.Annotations)
		})
	})
}

// LayersConfig is an image config that says what the layers are, which are not compressed.
func LayersConfig(layers []ocispec.Descriptor) ([]byte, error) {
	image := ocispec.Image{RootFS: ocispec.RootFS{Type: "layers"}}
	for _, l := range layers {
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, l.Digest)
	}
	return encode(image)
}
