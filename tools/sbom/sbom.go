// Package sbom lists what a Go program is made of, as a CycloneDX document in JSON, from what the go command wrote into the program.
//
// The same program gives the same bytes: there is no serial number, and the time is that of the program's origin.
package sbom

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

// version of the specification: one that scanners in use read.
const version = cyclonedx.SpecVersion1_6

// MediaType is that of the documents.
const MediaType = "application/vnd.cyclonedx+json"

// Of describes the program in a file, which was built from origin and is known as name.
func Of(file, name string, origin build.Origin) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("read what %q is made of: %w", file, err)
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: origin.Created.Format(time.RFC3339),
		Component: program(name, content, info, origin),
	}
	bom.Components = new(libraries(info, origin))
	bom.Dependencies = new(dependencies(bom))
	var b bytes.Buffer
	err = cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, version)
	return b.Bytes(), err
}

// Settings of the go command that tell programs of one version apart.
var told = []string{"GOOS", "GOARCH", "CGO_ENABLED", "GOAMD64", "GOARM64"} //nolint:gochecknoglobals // never changed

func program(name string, content []byte, info *debug.BuildInfo, origin build.Origin) *cyclonedx.Component {
	sum := sha256.Sum256(content)
	purl := purl(info.Main.Path, origin.Version) + "#" + strings.TrimPrefix(info.Path, info.Main.Path+"/")
	c := &cyclonedx.Component{
		BOMRef: purl, PackageURL: purl, Type: cyclonedx.ComponentTypeApplication, Name: name, Version: origin.Version,
		Hashes:   &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
		Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		ExternalReferences: &[]cyclonedx.ExternalReference{
			{Type: cyclonedx.ERTypeVCS, URL: build.Source, Comment: origin.Revision},
		},
	}
	var properties []cyclonedx.Property
	for _, s := range info.Settings {
		if slices.Contains(told, s.Key) {
			properties = append(properties, cyclonedx.Property{Name: "cdx:gomod:build:env:" + s.Key, Value: s.Value})
		}
	}
	c.Properties = &properties
	return c
}

// libraries are the modules, and Go's own library, in the order of their names.
func libraries(info *debug.BuildInfo, origin build.Origin) []cyclonedx.Component {
	all := []cyclonedx.Component{library("std", strings.TrimPrefix(info.GoVersion, "go"), "")}
	for _, m := range info.Deps {
		if m.Replace != nil {
			all = append(all, replacement(m, info.Main.Path, origin))
			continue
		}
		all = append(all, library(m.Path, m.Version, m.Sum))
	}
	slices.SortFunc(all, func(a, b cyclonedx.Component) int { return strings.Compare(a.BOMRef, b.BOMRef) })
	return all
}

// replacement is what is in the program in a module's place: another module or, as a folder has neither version nor sum, a part of ours.
func replacement(m *debug.Module, main string, origin build.Origin) cyclonedx.Component {
	c := library(m.Replace.Path, m.Replace.Version, m.Replace.Sum)
	if m.Replace.Sum == "" {
		c = library(m.Path, origin.Version, "")
		c.PackageURL = purl(main, origin.Version) + "#" + path.Clean(m.Replace.Path)
		c.BOMRef = c.PackageURL
	}
	c.Pedigree = &cyclonedx.Pedigree{Ancestors: &[]cyclonedx.Component{library(m.Path, m.Version, m.Sum)}}
	return c
}

// library is one module. Its sum is go.sum's, which is a SHA-256 of the list of its files and theirs.
func library(path, version, sum string) cyclonedx.Component {
	c := cyclonedx.Component{
		BOMRef: purl(path, version), PackageURL: purl(path, version), Type: cyclonedx.ComponentTypeLibrary, Name: path, Version: version,
	}
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); err == nil && len(raw) == sha256.Size {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(raw)}}
	}
	return c
}

// dependencies say that the program holds all libraries; which of these needs which, it does not know.
func dependencies(bom *cyclonedx.BOM) []cyclonedx.Dependency {
	var refs []string
	for _, c := range *bom.Components {
		refs = append(refs, c.BOMRef)
	}
	return []cyclonedx.Dependency{{Ref: bom.Metadata.Component.BOMRef, Dependencies: &refs}}
}

func purl(path, version string) string { return "pkg:golang/" + path + "@" + version }
