package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
	"github.com/kubectl-oci/kubectl-oci/tools/license"
	"github.com/kubectl-oci/kubectl-oci/tools/sbom"
)

// release is one that is being made.
type release struct {
	options
	origin   build.Origin
	progress io.Writer
	work     string            // folder for programs until they are in their archives
	sums     map[string]string // of the files made so far, in hexadecimal, by name
}

// newRelease makes the folder, which must not be there.
func newRelease(ctx context.Context, o options, progress io.Writer) (*release, error) {
	for _, path := range []*string{&o.root, &o.to} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return nil, err
		}
		*path = absolute
	}
	if err := checkManifests(o.root, o.version); err != nil {
		return nil, err
	}
	origin, err := build.ReadOrigin(ctx, o.root, o.version)
	if err != nil {
		return nil, err
	}
	if o.key != "" {
		if err := origin.CheckKey(); err != nil {
			return nil, err
		}
	}
	if origin.Revision == "" {
		fmt.Fprintln(progress, "release: the tree is not what a commit says, so that the release names no revision")
	}
	return &release{options: o, origin: origin, progress: progress, sums: map[string]string{}}, os.Mkdir(o.to, 0o755)
}

// make fills the folder. Checksums and the krew manifest, which say that all is there, come last.
func (r *release) make(ctx context.Context) (err error) {
	if r.work, err = os.MkdirTemp("", "kubectl-oci-release-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.work)
	for _, p := range r.platforms {
		fmt.Fprintln(r.progress, "release:", p)
		if err := r.pack(ctx, p); err != nil {
			return fmt.Errorf("release for %s: %w", p, err)
		}
	}
	if err := r.writeManifest(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.to, "checksums.txt"), r.checksums(), 0o644)
}

// pack writes what belongs to one platform.
func (r *release) pack(ctx context.Context, p build.Platform) error {
	program := filepath.Join(r.work, p.OS+"_"+p.Arch)
	if err := r.origin.Compile(ctx, build.PluginPackage, p, program); err != nil {
		return err
	}
	name := "kubectl-oci_" + p.OS + "_" + p.Arch
	list, err := sbom.Of(program, "kubectl-oci", r.origin)
	if err != nil {
		return err
	}
	if err := r.put(name+".cdx.json", list); err != nil {
		return err
	}
	licences, err := r.licences(ctx, p)
	if err != nil {
		return err
	}
	content, err := r.archive(p, program, licences)
	if err != nil {
		return err
	}
	return r.put(name+extension(p), content)
}

// licences writes the terms of what is in the plugin, and gives the path.
func (r *release) licences(ctx context.Context, p build.Platform) (path string, err error) {
	text, err := license.Of(ctx, r.origin, build.PluginPackage, p)
	if err != nil {
		return "", err
	}
	path = filepath.Join(r.work, license.Name)
	return path, os.WriteFile(path, text, 0o600)
}

// archive holds the program, its licences, and what completes its command lines.
func (r *release) archive(p build.Platform, program, licences string) ([]byte, error) {
	helper := "kubectl_complete-oci"
	if p.OS == "windows" {
		helper += ".cmd"
	}
	files := []file{
		{name: "LICENSE", path: filepath.Join(r.root, "LICENSE")},
		{name: license.Name, path: licences},
		{name: p.Program("kubectl-oci"), path: program, executable: true},
		{name: helper, path: filepath.Join(r.root, build.PluginPackage, helper), executable: true},
	}
	var b bytes.Buffer
	if err := writerFor(p)(&b, files, r.origin.Created); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// put writes a file of the release and notes its sum.
func (r *release) put(name string, content []byte) error {
	sum := sha256.Sum256(content)
	r.sums[name] = hex.EncodeToString(sum[:])
	return os.WriteFile(filepath.Join(r.to, name), content, 0o644)
}

// checksums are all sums so far as sha256sum writes and checks them.
func (r *release) checksums() []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(r.sums)) {
		fmt.Fprintf(&b, "%s  %s\n", r.sums[name], name)
	}
	return b.Bytes()
}
