package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
	"github.com/kubectl-oci/kubectl-oci/tools/license"
	"github.com/kubectl-oci/kubectl-oci/tools/sbom"
)

// The user and group that the agent runs as; they have no names and own nothing.
const nobody = "65532:65532"

const agentPackage = "./cmd/agent"

// write makes an OCI layout with an index of one image per platform, tagged with the version, and a list of what is in each.
func write(ctx context.Context, dir string, origin build.Origin, platforms []build.Platform) error {
	at, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range platforms {
		image, list, err := buildFor(ctx, origin, p)
		if err != nil {
			return fmt.Errorf("build image for %s: %w", p, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: p.OS, Architecture: p.Arch}},
		})
		if err := attach(at, image, list, origin); err != nil {
			return fmt.Errorf("attach what the image for %s holds: %w", p, err)
		}
	}
	index, _ = mutate.Annotations(index, said(origin)).(v1.ImageIndex)
	return at.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": origin.Version}))
}

// buildFor builds the image of one platform and the list of what is in it.
func buildFor(ctx context.Context, origin build.Origin, p build.Platform) (image v1.Image, list []byte, err error) {
	dir, err := os.MkdirTemp("", "kubectl-oci-image-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "agent")
	if err := origin.Compile(ctx, agentPackage, p, program); err != nil {
		return nil, nil, err
	}
	if list, err = sbom.Of(program, "agent", origin); err != nil {
		return nil, nil, err
	}
	entries, err := contents(ctx, origin, p, program)
	if err != nil {
		return nil, nil, err
	}
	image, err = imageOf(entries, origin, p)
	return image, list, err
}

// contents are the program, a /tmp for it, and the licences of what is in it. There is no shell and no user's name; the roots that the agent
// trusts and the time zones that it knows are in the program.
func contents(ctx context.Context, origin build.Origin, p build.Platform, program string) ([]entry, error) {
	agent, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	own, err := os.ReadFile(filepath.Join(origin.Root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	others, err := license.Of(ctx, origin, agentPackage, p)
	if err != nil {
		return nil, err
	}
	return []entry{
		{name: "agent", mode: 0o755, content: agent},
		{name: "licenses/", mode: 0o755},
		{name: "licenses/LICENSE", mode: 0o644, content: own},
		{name: "licenses/" + license.Name, mode: 0o644, content: others},
		{name: "tmp/", mode: 0o1777},
	}, nil
}

func imageOf(entries []entry, origin build.Origin, p build.Platform) (v1.Image, error) {
	layer, err := layerOf(entries)
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	created := v1.Time{Time: origin.Created}
	image, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: v1.History{Created: created, CreatedBy: "make image"}})
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = p.OS, p.Arch, created
	file.Config = v1.Config{Entrypoint: []string{"/agent"}, User: nobody, Labels: said(origin)}
	if image, err = mutate.ConfigFile(image, file); err != nil {
		return nil, err
	}
	annotated, _ := mutate.Annotations(image, said(origin)).(v1.Image)
	return annotated, nil
}

// said is what an image says of itself, in its labels and in the annotations of its manifest.
func said(origin build.Origin) map[string]string {
	all := map[string]string{
		"title":         "kubectl-oci agent",
		"description":   "Polls OCIRepository objects and exposes their artifacts inside the cluster",
		"source":        build.Source,
		"documentation": build.Source + "/blob/main/docs/agent.md",
		"licenses":      "Apache-2.0",
		"version":       origin.Version,
		"created":       origin.Created.Format(time.RFC3339),
		"revision":      origin.Revision,
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	prefixed := map[string]string{}
	for name, value := range all {
		prefixed["org.opencontainers.image."+name] = value
	}
	return prefixed
}
