package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// writeManifest makes the manifest of this release: for who installs by it, and for a krew index, which wants it in a folder and under a name
// of its own.
func (r *release) writeManifest() error {
	raw, err := os.ReadFile(filepath.Join(r.root, "krew.yaml"))
	if err != nil {
		return err
	}
	manifest, err := fill(raw, filling{plugin: r.plugin, version: r.version, url: r.url, sums: r.archives()})
	if err != nil {
		return fmt.Errorf("fill krew.yaml: %w", err)
	}
	if err := r.put("krew.yaml", manifest); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(r.to, "plugins"), 0o755); err != nil {
		return err
	}
	return r.put(path.Join("plugins", r.plugin+".yaml"), manifest)
}

// archives gives the sums of the archives among what was made.
func (r *release) archives() map[string]string {
	sums := map[string]string{}
	for _, p := range r.platforms {
		name := "kubectl-oci_" + p.OS + "_" + p.Arch + extension(p)
		sums[name] = r.sums[name]
	}
	return sums
}

// filling is what a manifest lacks before a release.
type filling struct {
	plugin  string
	version string
	url     string            // of the folder of the archives; empty: as in the manifest
	sums    map[string]string // SHA-256, in hexadecimal, by name of archive
}

// fill gives the manifest of a release. Platforms whose archive was not made are left out; an archive that no platform names is an error.
// Under another name the caveats go: their commands are those of the name in raw.
// Comments inside and the order of fields stay; the comment at the head, which says that it is none of a release, does not.
func fill(raw []byte, f filling) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return nil, err
	}
	if len(document.Content) == 0 {
		return nil, errors.New("it is empty")
	}
	manifest := document.Content[0]
	if manifest.Kind != yaml.MappingNode {
		return nil, errors.New("it is no mapping")
	}
	document.HeadComment, manifest.HeadComment, manifest.Content[0].HeadComment = "", "", ""
	spec := field(manifest, "spec")
	if name := field(field(manifest, "metadata"), "name"); name.Value != f.plugin {
		name.Value = f.plugin
		drop(spec, "caveats")
	}
	version := field(spec, "version")
	before := version.Value
	version.Value = f.version

	left := len(f.sums)
	platforms := field(spec, "platforms")
	platforms.Content = slices.DeleteFunc(platforms.Content, func(p *yaml.Node) bool {
		uri := field(p, "uri")
		sum, made := f.sums[path.Base(uri.Value)]
		if !made {
			return true
		}
		left--
		field(p, "sha256").Value = sum
		uri.Value = address(uri.Value, before, f)
		return false
	})
	if left != 0 {
		return nil, errors.New("its platforms do not name each of the archives once")
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	err := encoder.Encode(&document)
	return b.Bytes(), err
}

// address is where the archive of uri, which names the version before, can be had.
func address(uri, before string, f filling) string {
	if f.url != "" {
		return strings.TrimSuffix(f.url, "/") + "/" + path.Base(uri)
	}
	return strings.Replace(uri, "/"+before+"/", "/"+f.version+"/", 1)
}

// field is the value of a field of a mapping, and a new value of its own where there is none.
func field(mapping *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1]
		}
	}
	return &yaml.Node{}
}

// drop takes a field away from a mapping.
func drop(mapping *yaml.Node, name string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			mapping.Content = slices.Delete(mapping.Content, i, i+2)
			return
		}
	}
}
