package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// inspection is what inspect prints.
type inspection struct {
	Reference    string            `json:"reference"` // by digest
	Digest       digest.Digest     `json:"digest"`
	MediaType    string            `json:"mediaType"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Size         int64             `json:"size"` // of the manifest and what it names, in bytes
	Index        []member          `json:"index,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Config       blob              `json:"config"`
	Layers       []blob            `json:"layers"`
	Files        []file            `json:"files,omitempty"`
	Objects      []object          `json:"objects,omitempty"`
	Images       []resource.Image  `json:"images,omitempty"`
	Referrers    []referrer        `json:"referrers,omitempty"`
	Problems     []string          `json:"problems,omitempty"` // of what could not be read
}

// member is an entry of an index.
type member struct {
	Digest   digest.Digest `json:"digest"`
	Platform string        `json:"platform,omitempty"`
	Chosen   bool          `json:"chosen"` // the one that is shown
}

type blob struct {
	MediaType   string            `json:"mediaType"`
	Digest      digest.Digest     `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Content     json.RawMessage   `json:"content,omitempty"` // of a config that is JSON
}

type file struct {
	Name       string `json:"name"`
	Size       int64  `json:"size"`
	Executable bool   `json:"executable,omitempty"`
	Link       string `json:"link,omitempty"`
}

type object struct {
	resource.ID
	File string `json:"file"`
	Line int    `json:"line"`
}

type referrer struct {
	Digest       digest.Digest     `json:"digest"`
	Tag          string            `json:"tag,omitempty"` // of what does not refer to it, but lies under a tag made of its digest
	ArtifactType string            `json:"artifactType,omitempty"`
	Size         int64             `json:"size"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

func newInspection(f *found, got *documents) *inspection {
	m := got.manifest
	i := &inspection{
		Reference: f.name, Digest: f.descriptor.Digest, MediaType: got.mediaType, ArtifactType: m.ArtifactType,
		Annotations: m.Annotations, Config: blobOf(m.Config), Layers: []blob{}, Size: got.size + m.Config.Size,
	}
	if i.MediaType == "" {
		i.MediaType = m.MediaType
	}
	for _, layer := range m.Layers {
		i.Layers = append(i.Layers, blobOf(layer))
		i.Size += layer.Size
	}
	if got.index == nil {
		return i
	}
	for _, d := range got.index.Manifests {
		entry := member{Digest: d.Digest, Chosen: d.Digest == got.descriptor.Digest}
		if p := d.Platform; p != nil {
			entry.Platform = p.OS + "/" + p.Architecture
		}
		i.Index = append(i.Index, entry)
	}
	return i
}

func blobOf(d ocispec.Descriptor) blob {
	return blob{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Annotations: d.Annotations}
}

func (i *inspection) problem(format string, args ...any) {
	i.Problems = append(i.Problems, fmt.Sprintf(format, args...))
}

// addConfig fetches a config that is small enough to show.
func (i *inspection) addConfig(ctx context.Context, f *found, got *documents) error {
	d := got.manifest.Config
	if d.Size > artifact.MaxManifest {
		i.problem("config %s: it has %d bytes, more than %d", d.Digest, d.Size, artifact.MaxManifest)
		return nil
	}
	var content bytes.Buffer
	if err := f.CopyBlob(ctx, d, func() io.Writer { content.Reset(); return &content }); err != nil {
		return err
	}
	if json.Valid(content.Bytes()) {
		i.Config.Content = content.Bytes()
	}
	return nil
}

func (i *inspection) addReferrers(ctx context.Context, f *found) error {
	list, cut, err := f.Attached(ctx, f.descriptor.Digest, referrersShown)
	if err != nil {
		return err
	}
	if cut {
		i.problem("referrers: there are more than %d", referrersShown)
	}
	for _, a := range list {
		i.Referrers = append(i.Referrers, referrer{a.Digest, a.Tag, a.ArtifactType, a.Size, a.Annotations})
	}
	return nil
}

// addFile notes a file, and reads what it holds into set.
func (i *inspection) addFile(set *resource.Set, f archive.File, contents io.Reader) error {
	i.Files = append(i.Files, file{f.Name, f.Size, f.Executable, f.Target})
	if f.Target != "" || !resource.IsResource(f.Name) {
		return nil
	}
	err := set.Read(f.Name, contents)
	if e, ok := errors.AsType[*resource.Error](err); ok {
		i.problem("%v", e)
		return nil
	}
	return err
}

func (i *inspection) addObjects(set *resource.Set) {
	for _, o := range set.Objects {
		i.Objects = append(i.Objects, object{o.ID, o.File, o.Line})
	}
	i.Images = set.Images()
}
