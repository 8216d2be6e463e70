package artifact

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ChooseLayer returns the first layer whose media type is exactly mediaType, or the first of all when mediaType is empty.
func ChooseLayer(m *ocispec.Manifest, mediaType string) (ocispec.Descriptor, error) {
	if len(m.Layers) == 0 {
		return ocispec.Descriptor{}, errors.New("choose layer: the artifact has none")
	}
	if mediaType == "" {
		return m.Layers[0], nil
	}
	i := slices.IndexFunc(m.Layers, func(d ocispec.Descriptor) bool { return d.MediaType == mediaType })
	if i < 0 {
		return ocispec.Descriptor{}, fmt.Errorf("choose layer: none has media type %q; there is %s",
			mediaType, list(m.Layers, func(d ocispec.Descriptor) string { return d.MediaType }))
	}
	return m.Layers[i], nil
}

// ChoosePlatform returns the entry for linux/amd64, else the only entry. It does not look at the platform it runs on: the
// contents must not depend on where the agent happens to be.
func ChoosePlatform(x *ocispec.Index) (ocispec.Descriptor, error) {
	for _, d := range x.Manifests {
		if platform(d) == "linux/amd64" {
			return d, nil
		}
	}
	switch len(x.Manifests) {
	case 0:
		return ocispec.Descriptor{}, errors.New("choose platform: the index is empty")
	case 1:
		return x.Manifests[0], nil
	}
	return ocispec.Descriptor{}, fmt.Errorf("choose platform: no linux/amd64; there is %s", list(x.Manifests, platform))
}

func platform(d ocispec.Descriptor) string {
	if d.Platform == nil {
		return "an entry without platform"
	}
	return d.Platform.OS + "/" + d.Platform.Architecture
}

// maxListed bounds how many entries an error names.
const maxListed = 8

func list(descriptors []ocispec.Descriptor, name func(ocispec.Descriptor) string) string {
	var names []string
	for _, d := range descriptors {
		if len(names) == maxListed {
			names = append(names, fmt.Sprintf("%d more", len(descriptors)-maxListed))
			break
		}
		names = append(names, fmt.Sprintf("%q", name(d)))
	}
	return strings.Join(names, ", ")
}
