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

// ChoosePlatform returns the first entry for linux/amd64, which one without a platform is too; else the only entry, not counting
// what is for no platform at all, such as the provenance that docker buildx adds. It does not look at the platform it runs on:
// the contents must not depend on where the agent happens to be. An index as an entry is an error.
func ChoosePlatform(x *ocispec.Index) (ocispec.Descriptor, error) {
	d, err := choosePlatform(x.Manifests)
	if err == nil && IsIndex(d.MediaType) {
		err = fmt.Errorf("choose platform: the entry %s is an index again", d.Digest)
	}
	return d, err
}

func choosePlatform(entries []ocispec.Descriptor) (ocispec.Descriptor, error) {
	var others []ocispec.Descriptor
	for _, d := range entries {
		switch platform(d) {
		case "linux/amd64", noPlatform:
			return d, nil
		case "unknown/unknown":
		default:
			others = append(others, d)
		}
	}
	switch len(others) {
	case 0:
		return ocispec.Descriptor{}, errors.New("choose platform: the index names no manifest for any platform")
	case 1:
		return others[0], nil
	}
	return ocispec.Descriptor{}, fmt.Errorf("choose platform: no linux/amd64; there is %s", list(others, platform))
}

const noPlatform = ""

func platform(d ocispec.Descriptor) string {
	if d.Platform == nil {
		return noPlatform
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
