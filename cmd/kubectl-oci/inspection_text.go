package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// print shows the inspection to a person.
func (i *inspection) print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "Reference:\t%s\n", i.Reference)
	fmt.Fprintf(out, "Media type:\t%s\n", shown(i.MediaType))
	if i.ArtifactType != "" {
		fmt.Fprintf(out, "Artifact type:\t%s\n", shown(i.ArtifactType))
	}
	fmt.Fprintf(out, "Size:\t%s\n", size(i.Size))
	fmt.Fprintf(out, "Config:\t%s  %s  %s\n", i.Config.Digest, size(i.Config.Size), shown(i.Config.MediaType))
	for n, layer := range i.Layers {
		fmt.Fprintf(out, "Layer %d:\t%s  %s  %s\n", n+1, layer.Digest, size(layer.Size), shown(layer.MediaType))
	}
	section(out, "Index", i.Index, func(m member) string {
		if m.Chosen {
			return fmt.Sprintf("%s\t%s\t(shown here)", m.Digest, shown(m.Platform))
		}
		return fmt.Sprintf("%s\t%s", m.Digest, shown(m.Platform))
	})
	section(out, "Annotations", slices.Sorted(maps.Keys(i.Annotations)), func(key string) string {
		return fmt.Sprintf("%s:\t%s", shown(key), shown(i.Annotations[key]))
	})
	section(out, "Files", i.Files, func(f file) string {
		if f.Link != "" {
			return fmt.Sprintf("%s\tlink to %s", shown(f.Name), shown(f.Link))
		}
		return fmt.Sprintf("%s\t%s", shown(f.Name), size(f.Size))
	})
	section(out, "Objects", i.Objects, func(o object) string { return fmt.Sprintf("%s\t%s:%d", o.ID, shown(o.File), o.Line) })
	section(out, "Container images", i.imageNames(), shown)
	section(out, "Referrers", i.Referrers, func(r referrer) string { return fmt.Sprintf("%s\t%s", r.Digest, shown(cmp.Or(r.Tag, r.ArtifactType))) })
	section(out, "Problems", i.Problems, shown)
	return out.Flush()
}

// imageNames are the names of the images, each once.
func (i *inspection) imageNames() []string {
	names := map[string]bool{}
	for _, image := range i.Images {
		names[image.Name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// section writes a heading and its lines, or nothing where there are none.
func section[T any](w io.Writer, heading string, all []T, line func(T) string) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s:\n", heading)
	for _, one := range all {
		fmt.Fprintf(w, "  %s\n", line(one))
	}
}
