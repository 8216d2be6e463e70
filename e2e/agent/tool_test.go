package agent_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	fluxoci "github.com/fluxcd/pkg/oci"
	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/registry/remote"
)

// orasPush is `oras push repository:v1 FILE[:TYPE]…`, by the library that the command consists of.
func orasPush(args ...string) func(*shelf) {
	return func(s *shelf) {
		s.t.Helper()
		dir := workdir(s.t, "app.yaml", "job.yaml", "README.md", "values.json", "deploy/app.yaml", "deploy/db/service.yaml", "extra/more.yaml")
		store, err := file.New(dir)
		s.must(err)
		defer store.Close()
		var all []ocispec.Descriptor
		for _, arg := range args {
			name, mediaType, _ := strings.Cut(arg, ":")
			d, err := store.Add(s.t.Context(), name, mediaType, "")
			s.must(err)
			all = append(all, d)
		}
		root, err := oras.PackManifest(s.t.Context(), store, oras.PackManifestVersion1_1, oras.MediaTypeUnknownArtifact, oras.PackManifestOptions{Layers: all})
		s.must(err)
		s.must(store.Tag(s.t.Context(), root, "v1"))
		to, err := remote.NewRepository(s.reg.Direct + "/" + s.repository)
		s.must(err)
		to.PlainHTTP = true
		_, err = oras.Copy(s.t.Context(), store, "v1", to, "v1", oras.DefaultCopyOptions)
		s.must(err)
		s.digest = root.Digest.String()
	}
}

func (s *shelf) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// pushImage pushes what crane's library made.
func (s *shelf) pushImage(img v1.Image) {
	s.t.Helper()
	s.must(crane.Push(img, s.address("v1")))
	digest, err := img.Digest()
	s.must(err)
	s.digest = digest.String()
}

// craneAppend is `crane append -t repository:v1 -f TAR…`, with no base.
func craneAppend(tars ...[]byte) func(*shelf) {
	return func(s *shelf) { s.pushImage(s.append(tars...)) }
}

func (s *shelf) append(tars ...[]byte) v1.Image {
	s.t.Helper()
	var paths []string
	for _, raw := range tars {
		f, err := os.CreateTemp(s.t.TempDir(), "*.tar")
		s.must(err)
		_, err = f.Write(raw)
		s.must(err)
		s.must(f.Close())
		paths = append(paths, f.Name())
	}
	img, err := crane.Append(empty.Image, paths...)
	s.must(err)
	return img
}

// kustomizerPush is `kustomizer push artifact`: all objects in one file, in an image of Docker with annotations.
func kustomizerPush(s *shelf) {
	annotations := map[string]string{"kustomizer.dev/version": "2.2.1", "kustomizer.dev/checksum": "0", "org.opencontainers.image.created": "2024-05-17T12:00:00Z"}
	s.pushImage(mutate.Annotations(s.append(tarOf("all.yaml")), annotations).(v1.Image))
}

// imgpkgPush is `imgpkg push -b repository:v1 -f FOLDER`: a bundle, with modes as that one writes them, and a label in its config.
func imgpkgPush(s *shelf) {
	s.t.Helper()
	folder := tar.Header{Typeflag: tar.TypeDir, Mode: 0o700}
	named := func(name string) tar.Header { folder.Name = name; return folder }
	raw := tarOfEntries(named("."), named(".imgpkg"), tar.Header{Name: ".imgpkg/images.yml", Mode: 0o600},
		named("config"), tar.Header{Name: "config/app.yaml", Mode: 0o600})
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }, tarball.WithMediaType(types.DockerLayer))
	s.must(err)
	img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: layer, History: v1.History{Author: "imgpkg", CreatedBy: "imgpkg"}})
	s.must(err)
	config, err := img.ConfigFile()
	s.must(err)
	config.Config.Labels = map[string]string{"dev.carvel.imgpkg.bundle": "true"}
	img, err = mutate.ConfigFile(img, config)
	s.must(err)
	s.pushImage(img)
}

// fluxPush is `flux push artifact`, by the library that the command consists of.
func fluxPush(path string, options ...fluxoci.PushOption) func(*shelf) {
	return func(s *shelf) {
		s.t.Helper()
		dir := filepath.Join(workdir(s.t, "deploy/app.yaml", "deploy/db/service.yaml"), path)
		meta := fluxoci.Metadata{Source: "https://example.com/app.git", Revision: "main@sha1:450796ddb2ab6724ee1cc32a4be56da032d1cca0"}
		options = append(slices.Clone(options), fluxoci.WithPushMetadata(meta))
		reference, err := fluxoci.NewClient(fluxoci.DefaultOptions()).Push(s.t.Context(), s.address("v1"), dir, options...)
		s.must(err)
		_, s.digest, _ = strings.Cut(reference, "@")
	}
}

// pluginPush is `kubectl oci push`.
func pluginPush(args ...string) func(*shelf) {
	return func(s *shelf) {
		s.t.Helper()
		args := append([]string{"push", s.address("v1"), "-f", "examples/app-config"}, args...)
		_, digest, _ := strings.Cut(plugin(s.t, args...), "@")
		s.digest = strings.TrimSpace(digest)
	}
}

// dockerPush is an image as `docker push` sends it: schema 2, a gzip tar for each instruction that wrote files.
func dockerPush(tars ...[]byte) func(*shelf) {
	return func(s *shelf) {
		config := s.blob(typeDockerImage, []byte(`{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}`))
		var all []descriptor
		for _, raw := range tars {
			all = append(all, s.blob(typeDockerLayer, compress(raw)))
		}
		s.put(manifest{MediaType: typeDocker, Config: &config}, all...)
	}
}

// buildxPush is what `docker buildx build --provenance=true` pushes: an index with an image for a platform and one for none.
func buildxPush(platform string, raw []byte, mediaType string) func(*shelf) {
	return func(s *shelf) {
		image := on(platform, s.putAs("image", manifest{}, s.blob(mediaType, raw)))
		statement := s.blob("application/vnd.in-toto+json", []byte(`{"_type":"https://in-toto.io/Statement/v0.1"}`))
		provenance := s.putAs("provenance", manifest{}, statement)
		provenance.Platform = map[string]string{"os": "unknown", "architecture": "unknown"}
		provenance.Annotations = map[string]string{
			"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.Digest,
		}
		s.putIndex("v1", typeIndex, image, provenance)
	}
}

func (s *shelf) putIndex(tag, mediaType string, children ...descriptor) descriptor {
	s.t.Helper()
	d := s.manifest(manifest{SchemaVersion: 2, MediaType: mediaType, Manifests: children}, tag)
	s.digest = d.Digest
	return d
}

const (
	typeHelmConfig     = "application/vnd.cncf.helm.config.v1+json"
	typeHelmProvenance = "application/vnd.cncf.helm.chart.provenance.v1.prov"
)

// helmPush is `helm push`. Provenance comes first or last, as the digests fall: helm sorts its layers by digest.
func helmPush(tag string, provenance ...string) func(*shelf) {
	return func(s *shelf) {
		config := s.blob(typeHelmConfig, []byte(`{"name":"app","version":"1.0.0","apiVersion":"v2"}`))
		chart := s.blob(typeHelmLayer, compress(tarOf("app/Chart.yaml", "app/values.yaml", "app/templates/deployment.yaml")))
		all := []descriptor{chart}
		for _, when := range provenance {
			signed := s.blob(typeHelmProvenance, []byte("-----BEGIN PGP SIGNED MESSAGE-----\nname: app\n"))
			if all = append(all, signed); when == "first" {
				slices.Reverse(all)
			}
		}
		s.putAs(tag, manifest{Config: &config, Annotations: map[string]string{"org.opencontainers.image.title": "app"}}, all...)
	}
}
