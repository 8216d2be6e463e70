package agent_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha512"
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// layerRows are layers of every form, good and bad, and manifests around them.
func layerRows() []row {
	const foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
	app := tarOf("app.yaml")
	link := func(kind byte, name, target string) []byte {
		return compress(tarOfEntries(tar.Header{Name: "app.yaml"}, tar.Header{Name: name, Typeflag: kind, Linkname: target}))
	}
	return []row{
		{
			name: "bare tar", artifact: layers(layer{"application/vnd.oci.image.layer.v1.tar", app}),
			files:   "app.yaml",
			because: "Consumers read gzip only: what podman pushes without compression is compressed.",
			flux:    "Fails, for the layer is no gzip.",
		},
		{
			name: "zstd that says it is gzip", artifact: layers(layer{typeLayer, zstandard(app)}),
			files:   "app.yaml",
			because: "The bytes decide, not the label.",
			flux:    "Fails, for the layer is no gzip.",
		},
		{
			name: "gzip that says it is a text", artifact: layers(layer{"text/plain", compress(app)}),
			files: "app.yaml", asIs: true,
			because: "The bytes decide, not the label.",
		},
		{
			name: "several gzip members", artifact: layers(layer{typeLayer, slices.Concat(compress(app[:700]), compress(app[700:]))}),
			files:   "app.yaml",
			because: "Not every reader goes on after the first member: with one member all of them read the same.",
		},
		{
			name: "zstd that looks far back", artifact: layers(layer{typeLayer, zstandard(bytes.Repeat([]byte(noise(1<<20)), 10), zstd.WithWindowSize(16<<20))}),
			want:    retried(layerFailed, "more than 8388608 bytes in zstd's window"),
			because: "How much memory decompression takes is for the agent to say, and not for who packed it.",
		},
		{
			name: "symbolic link", artifact: layers(layer{typeLayer, link(tar.TypeSymlink, "link.yaml", "app.yaml")}),
			files:   "app.yaml",
			because: "Consumers refuse archives with links or leave them out: without it all read the same.",
		},
		{
			name: "hard link", artifact: layers(layer{typeLayer, link(tar.TypeLink, "link.yaml", "app.yaml")}),
			want:    retried(layerFailed, `entry "link.yaml": hard link to "app.yaml" instead of a file`),
			because: "Consumers make an empty file of it, and nobody pushed one.",
			flux:    "Serves an empty file in its place.",
		},
		{
			name: "link that leads out", artifact: layers(layer{typeLayer, link(tar.TypeSymlink, "link.yaml", "../../etc/passwd")}),
			want:    retried(layerFailed, "leads out of the archive"),
			because: "Nobody packs that by accident: what else is in such an archive is not worth serving.",
			flux:    "Leaves the link out and serves the rest.",
		},
		{
			name: "path that climbs", artifact: layers(layer{typeLayer, compress(tarOf("app.yaml", "../escape.yaml"))}),
			want:    retried(layerFailed, `entry "../escape.yaml"`),
			because: "kustomize-controller gives up on such an archive for good.",
		},
		{
			name: "absolute path", artifact: layers(layer{typeLayer, compress(tarOf("/app.yaml"))}),
			want:    retried(layerFailed, "absolute path"),
			because: "kustomize-controller gives up on such an archive for good.",
		},
		{
			name: "device", artifact: layers(layer{typeLayer, link(tar.TypeChar, "null", "")}),
			want:    retried(layerFailed, `entry "null": not a file or folder`),
			because: "kustomize-controller gives up on such an archive for good.",
		},
		{
			name: "one file twice", artifact: layers(layer{typeLayer, compress(tarOf("app.yaml", "app.yaml"))}),
			want:    retried(layerFailed, `entry "app.yaml": appears twice`),
			because: "Readers differ in which of the two they take: what one reviews is not what another applies.",
			flux:    "Serves the last one.",
		},
		{
			name: "modes that lock out", artifact: layers(layer{typeLayer, compress(tarOfEntries(tar.Header{Name: "app.yaml", Mode: 0o200}))}),
			files:   "app.yaml",
			because: "Consumers create files with the modes that the archive has: one that they could not read is written anew.",
		},
		{
			name: "archive of nothing", artifact: layers(layer{typeLayer, compress(tarOf())}),
			want:    retried(layerFailed, "no file is left to serve"),
			because: "Whoever applies an empty artifact and prunes deletes everything.",
			flux:    "Serves an empty archive.",
		},
		{
			name: "archive of folders", artifact: layers(layer{typeLayer, compress(tarOf("deploy/", "deploy/db/"))}),
			want:    retried(layerFailed, "no file is left to serve"),
			because: "Whoever applies an empty artifact and prunes deletes everything.",
			flux:    "Serves an archive of empty folders.",
		},
		{
			name: "layer of nothing", artifact: layers(layer{typeLayer, nil}),
			want:    retried(layerFailed, "no data"),
			because: "No bytes are no archive.",
		},
		{
			name: "gzip of no tar", artifact: layers(layer{typeLayer, compress([]byte(strings.Repeat("kind: ConfigMap\n", 100)))}),
			want:    retried(layerFailed, "what is compressed in it is no tar"),
			because: "There is a name for the file neither in gzip nor anywhere else.",
		},
		{
			name: "binary", artifact: layers(layer{typeLayer, []byte("\x7fELF\x02\x01\x01\x00")}),
			want:    retried(layerFailed, "neither gzip nor zstd nor tar"),
			because: "It is nothing that could be unpacked.",
		},
		{
			name: "data after the archive", artifact: layers(layer{typeLayer, append(compress(app), "more"...)}),
			want:    retried(layerFailed, "after the compressed data"),
			because: "What is signed and not seen by every reader is a place to hide something.",
			flux:    "Does not read that far, and serves the archive.",
		},
		{
			name: "first layer of the type", artifact: layers(
				layer{"text/plain", []byte("notes")},
				layer{typeFluxLayer, compress(tarOf("first.yaml"))}, layer{typeFluxLayer, compress(tarOf("second.yaml"))}),
			spec:  "layerSelector: {mediaType: application/vnd.cncf.flux.content.v1.tar+gzip}",
			files: "first.yaml", asIs: true,
			because: "Of several layers of the type the first is taken.",
		},
		{
			name: "no layer of the type", artifact: files("app.yaml"),
			spec:    "layerSelector: {mediaType: application/vnd.oci.image.layer.v1.tar}",
			want:    retried(layerFailed, `none has media type "application/vnd.oci.image.layer.v1.tar"; there is "application/vnd.oci.image.layer.v1.tar+gzip"`),
			because: "The type has to be the same, not a part of it; the message says which there are.",
		},
		{
			name: "copy of what is no archive", artifact: layers(layer{"application/wasm", []byte("\x00asm")}),
			spec: "layerSelector: {operation: copy}",
			asIs: true, because: "copy keeps the layer's bytes, whatever they are.",
		},
		{
			name: "copy with ignore rules", artifact: files("app.yaml", "logo.png"),
			spec:  "layerSelector: {operation: copy}\nignore: app.yaml",
			files: "app.yaml logo.png", asIs: true,
			because: "copy applies no rules.",
		},
		{
			name: "no layer", artifact: layers(),
			want:    retried(layerFailed, "the artifact has none"),
			because: "There is nothing to serve.",
		},
		{
			name: "artifact type and no config", artifact: func(s *shelf) {
				config := s.blob(typeEmpty, []byte("{}"))
				s.put(manifest{ArtifactType: "application/vnd.example.config", Config: &config}, s.blob(typeLayer, compress(app)))
			},
			files: "app.yaml", asIs: true,
			because: "Nothing is read from a config: an artifact of OCI 1.1 need not have one.",
		},
		{
			name: "config of another type", artifact: func(s *shelf) {
				config := s.blob("application/vnd.example.any+yaml", []byte("any: thing\n"))
				s.put(manifest{Config: &config}, s.blob(typeLayer, compress(app)))
			},
			files: "app.yaml", asIs: true,
			because: "Nothing is read from a config, so its type does not matter.",
		},
		{
			name: "non-distributable layer", artifact: layers(layer{foreign, compress(app)}),
			files: "app.yaml", asIs: true,
			because: "The type is a matter of licences, and the registry has the bytes.",
		},
		{
			name: "layer that lies elsewhere", artifact: func(s *shelf) {
				away := descriptor{MediaType: foreign, Digest: digestOf([]byte("away")), Size: 4, URLs: []string{"https://example.com/layer.tar.gz"}}
				s.put(manifest{}, away)
			},
			want:    retried(layerFailed, "the addresses that the manifest names are not followed"),
			because: "Who writes a manifest must not be able to send the agent to any host.",
			flux:    "Asks the registry first, then the addresses in the manifest.",
		},
		{
			name: "digest of another algorithm", artifact: func(s *shelf) {
				raw := compress(app)
				s.put(manifest{}, s.blobAs(fmt.Sprintf("sha512:%x", sha512.Sum512(raw)), typeLayer, raw))
			},
			want:    retried(pullFailed, "sha512:"),
			because: "Registries and consumers agree on sha256 and on nothing else.",
		},
		{
			name: "many annotations", artifact: func(s *shelf) {
				s.put(manifest{Annotations: map[string]string{"note": strings.Repeat("x", 300<<10)}}, s.blob(typeLayer, compress(app)))
			},
			want:    retried(pullFailed, "more than 262144"),
			because: "They become part of the status, and the API server does not store objects of any size.",
			flux:    "Writes them into the status as long as the API server takes them.",
		},
	}
}

// indexRows are references to an index, and what is chosen from it.
func indexRows() []row {
	index := func(mediaType string, platforms ...string) func(*shelf) {
		return func(s *shelf) {
			var children []descriptor
			for _, platform := range platforms {
				child := s.putAs("child", manifest{}, s.blob(typeLayer, compress(tarOf("for-"+platform+".yaml"))))
				if platform != "any" {
					child = on(platform, child)
				}
				children = append(children, child)
			}
			s.putIndex("v1", mediaType, children...)
		}
	}
	return []row{
		{
			name: "index", artifact: index(typeIndex, "arm64", "amd64"),
			files: "for-amd64.yaml", asIs: true,
			because: "linux/amd64 is taken on every machine, for objects must not depend on where the agent runs; the revision is the index's.",
		},
		{
			name: "manifest list of Docker", artifact: func(s *shelf) {
				dockerPush(tarOf("app.yaml"))(s)
				child := on("amd64", descriptor{MediaType: typeDocker, Digest: s.digest, Size: s.size})
				s.putIndex("v1", typeDockerList, child)
			},
			files: "app.yaml", asIs: true,
			because: "It is the same thing by an older name.",
		},
		{
			name: "index by digest", artifact: index(typeIndex, "amd64"),
			spec: "ref: {digest: $DIGEST}", revision: "$DIGEST",
			files: "for-amd64.yaml", asIs: true,
			because: "A digest may be that of an index.",
		},
		{
			name: "index without linux/amd64", artifact: index(typeIndex, "arm64"),
			files: "for-arm64.yaml", asIs: true,
			because: "YAML has no platform: the only one there is will do.",
			flux:    "Fails where no entry is for linux/amd64.",
		},
		{
			name: "index of several others", artifact: index(typeIndex, "arm64", "s390x"),
			want:    retried(pullFailed, `no linux/amd64; there is "linux/arm64", "linux/s390x"`),
			because: "Nobody says which of them is meant.",
		},
		{
			name: "index without platforms", artifact: index(typeIndex, "any", "amd64"),
			files: "for-any.yaml", asIs: true,
			because: "An entry without a platform is for all of them, and the first that fits is taken.",
		},
		{
			name: "index of nothing", artifact: func(s *shelf) { s.putIndex("v1", typeIndex) },
			want:    retried(pullFailed, "names no manifest for any platform"),
			because: "There is nothing to choose from.",
		},
		{
			name: "index in an index", artifact: func(s *shelf) {
				inner := s.putAs("inner", manifest{}, s.blob(typeLayer, compress(tarOf("app.yaml"))))
				s.putIndex("v1", typeIndex, s.putIndex("nested", typeIndex, on("amd64", inner)))
			},
			want:    retried(pullFailed, "is an index again"),
			because: "No tool pushes objects that way, and an index may be nested without end.",
			flux:    "Follows it.",
		},
	}
}
