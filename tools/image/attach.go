package main

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
	"github.com/kubectl-oci/kubectl-oci/tools/sbom"
)

// The config of what has none is an empty object (OCI image specification, "Guidance for an Empty Descriptor").
const noConfig = "application/vnd.oci.empty.v1+json"

// attach adds the list of what an image holds as a manifest that refers to the image. It is none of the index's entries: these are what a
// node may run, and what does not know of lists never meets one.
func attach(at layout.Path, image v1.Image, list []byte, origin build.Origin) error {
	subject, err := partial.Descriptor(image)
	if err != nil {
		return err
	}
	config, err := put(at, noConfig, []byte("{}"))
	if err != nil {
		return err
	}
	layer, err := put(at, sbom.MediaType, list)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  sbom.MediaType,
		Config:        config,
		Layers:        []v1.Descriptor{layer},
		Subject:       &v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest},
		Annotations:   map[string]string{"org.opencontainers.image.created": origin.Created.Format(time.RFC3339)},
	})
	if err != nil {
		return err
	}
	manifest, err := put(at, types.OCIManifestSchema1, raw)
	if err != nil {
		return err
	}
	manifest.ArtifactType = sbom.MediaType
	return at.AppendDescriptor(manifest)
}

// put adds a blob to the layout.
func put(at layout.Path, mediaType types.MediaType, content []byte) (v1.Descriptor, error) {
	hash, size, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{MediaType: mediaType, Size: size, Digest: hash}
	return d, at.WriteBlob(hash, io.NopCloser(bytes.NewReader(content)))
}
