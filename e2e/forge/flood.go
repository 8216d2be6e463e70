package forge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Flood lists so many signatures of a stranger's key for an artifact, under a tag, each of so many bytes at least: what cannot be looked
// through. It is one signature many times over, which nobody can know without fetching it.
func (f *Forge) Flood(t testing.TB, place Place, at Repository, artifact digest.Digest, many, size int) Case {
	t.Helper()
	c := Cell{Key, place, WrongKey}
	j := f.job(t, c, at, artifact)
	e := j.made(f.signer(t, Key, mallory, f.sigstore, false), j.signed)
	e.layer = append(e.layer, bytes.Repeat([]byte(" "), max(0, size-len(e.layer)))...)
	layer := j.blob(e.manifest.Layers[0].MediaType, e.layer)
	layer.Annotations = e.manifest.Layers[0].Annotations
	e.manifest.Layers = []ocispec.Descriptor{layer}
	e.manifest.Config = j.blob(e.manifest.Config.MediaType, []byte("{}"))
	if place == OlderTag {
		j.floodTag(e, many)
	} else {
		j.floodIndex(e, many)
	}
	message := strings.ReplaceAll(c.expected().message, "{evidence}", layer.Digest.String())
	looked := 48 // the rest of 64 is kept for the older tag
	if place == OlderTag {
		looked = 64
	}
	return Case{
		Cell: c, Trust: f.trust(c), Reason: "TooMany",
		Message: fmt.Sprintf("none of the %d that were looked at is a signature that counts, and there are more: %s", looked, message),
	}
}

// floodTag makes one manifest with that many layers.
func (j *job) floodTag(e *evidence, many int) {
	j.t.Helper()
	layer := e.manifest.Layers[0]
	for range many - 1 {
		e.manifest.Layers = append(e.manifest.Layers, layer)
	}
	j.push(registry.FallbackTag(j.signed.Digest)+".sig", e.manifest.MediaType, e.manifest)
}

// floodIndex makes one manifest, and an index that lists it that many times.
func (j *job) floodIndex(e *evidence, many int) {
	j.t.Helper()
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
	index.SchemaVersion = 2
	e.manifest.Subject = &j.signed
	d := j.push("", e.manifest.MediaType, e.manifest)
	d.ArtifactType = e.manifest.ArtifactType
	for range many {
		index.Manifests = append(index.Manifests, d)
	}
	j.push(registry.FallbackTag(j.signed.Digest), index.MediaType, index)
}

func (j *job) push(tag, mediaType string, manifest any) ocispec.Descriptor {
	j.t.Helper()
	raw, err := json.Marshal(manifest)
	if err != nil {
		j.t.Fatal(err)
	}
	d := describe(mediaType, raw)
	if err := j.repo.PushManifest(j.t.Context(), tag, d, raw); err != nil {
		j.t.Fatal(err)
	}
	return d
}
