package source

import (
	"fmt"
	"maps"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// MaxMetadata bounds the annotations that end up in a status, in bytes: an object with more than about a megabyte is
// refused by the API server.
const MaxMetadata = 256 << 10

// metadata is the manifest's annotations, and where the artifact lies.
func metadata(m *ocispec.Manifest, place registry.Reference) (map[string]string, error) {
	size := 0
	for key, value := range m.Annotations {
		size += len(key) + len(value)
	}
	if size > MaxMetadata {
		return nil, fmt.Errorf("read annotations of %q: %d bytes, more than %d", place, size, MaxMetadata)
	}
	all := map[string]string{}
	maps.Copy(all, m.Annotations)
	all[v1.MetadataSource] = place.String()
	return all, nil
}
