package artifact

import ocispec "github.com/opencontainers/image-spec/specs-go/v1"

// Media types of configs and layers.
const (
	ConfigOCI  = ocispec.MediaTypeImageConfig
	LayerOCI   = ocispec.MediaTypeImageLayerGzip
	ConfigFlux = "application/vnd.cncf.flux.config.v1+json"
	LayerFlux  = "application/vnd.cncf.flux.content.v1.tar+gzip"
	LayerHelm  = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// Media types of manifests and indexes, as OCI and Docker name them.
const (
	ManifestOCI    = ocispec.MediaTypeImageManifest
	ManifestDocker = "application/vnd.docker.distribution.manifest.v2+json"
	IndexOCI       = ocispec.MediaTypeImageIndex
	IndexDocker    = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// AnnotationTitle of a layer is the name of the file that it is, where a client such as oras pushed a file.
const AnnotationTitle = ocispec.AnnotationTitle

// Annotations of the manifest.
const (
	AnnotationCreated  = ocispec.AnnotationCreated
	AnnotationSource   = ocispec.AnnotationSource
	AnnotationRevision = ocispec.AnnotationRevision
)

// IsManifest reports whether mediaType is that of an image manifest.
func IsManifest(mediaType string) bool {
	return mediaType == ManifestOCI || mediaType == ManifestDocker
}

// IsIndex reports whether mediaType is that of an index, which names manifests by platform.
func IsIndex(mediaType string) bool { return mediaType == IndexOCI || mediaType == IndexDocker }
