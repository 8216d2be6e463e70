package agent_test

import fluxoci "github.com/fluxcd/pkg/oci"

// toolRows are what people push who use other tools, and this one.
func toolRows() []row {
	return []row{
		{
			name: "kubectl oci push", artifact: pluginPush(),
			files: "deployment.yaml kustomization.yaml service.yaml", asIs: true,
			because: "What the plugin pushes needs nothing left out: the layer's digest, which may be signed, is the one that is served.",
		},
		{
			name: "kubectl oci push, Flux's media types", artifact: pluginPush("--profile", "flux"),
			files: "deployment.yaml kustomization.yaml service.yaml", asIs: true,
			because: "Media types do not matter where no selector asks for one.",
		},
		{
			name: "flux push artifact", artifact: fluxPush("deploy"),
			files: "app.yaml db/service.yaml", asIs: true,
			because: "A gzip tar of files and folders is what consumers read: its bytes are served as they are.",
			flux:    "Unpacks every layer and packs it anew, so that the digest served is never the one that was pushed.",
		},
		{
			name: "flux push artifact of one file", artifact: fluxPush("deploy/app.yaml"),
			files: "app.yaml", asIs: true,
			because: "The flux command puts a single file into a tar by itself.",
		},
		{
			name: "a static layer of Flux's library", artifact: fluxPush("deploy/app.yaml", fluxoci.WithPushLayerType(fluxoci.LayerTypeStatic), fluxoci.WithPushMediaTypeExt("yaml")),
			want:    retried(layerFailed, "no annotation org.opencontainers.image.title names it"),
			because: "The bytes of a file have no name in them, and nobody knows under which one consumers look for it.",
		},
		{
			name: "oras push of one file", artifact: orasPush("app.yaml"),
			files:   "app.yaml",
			because: "oras calls a file a tar, though it is none, and gives its name in the title: packed under that name it is what consumers read.",
			flux:    "Fails, for the layer is no gzip: OCIArtifactLayerOperationFailed.",
		},
		{
			name: "oras push of one file in a folder", artifact: orasPush("deploy/app.yaml"),
			files:   "app.yaml",
			because: "The title is a path on somebody's machine: its last element is the file's name, the rest leads nowhere.",
			flux:    "Fails, for the layer is no gzip.",
		},
		{
			name: "oras push of one file with a type", artifact: orasPush("values.json:application/json"),
			files:   "values.json",
			because: "The bytes decide, not the type: JSON is as good as YAML.",
			flux:    "Fails, for the layer is no gzip.",
		},
		{
			name: "oras push of one file, copied", artifact: orasPush("app.yaml"),
			spec: "layerSelector: {operation: copy}",
			asIs: true, because: "copy keeps the layer's bytes, whatever they are.",
		},
		{
			name: "oras push of one file, ignored", artifact: orasPush("app.yaml"),
			spec:    "ignore: '*.yaml'",
			want:    retried(layerFailed, "no file is left to serve"),
			because: "Ignore rules hold for a file as for an archive, and whoever applies an empty artifact and prunes deletes everything.",
		},
		{
			name: "oras push of a text", artifact: orasPush("README.md"),
			want:    retried(layerFailed, `the file "README.md"`),
			because: "Nothing in it can be applied: an artifact without objects would have everything pruned.",
		},
		{
			name: "oras push of several files", artifact: orasPush("app.yaml", "job.yaml"),
			want:    retried(layerFailed, "the first of 2 layers"),
			because: "Each file is a layer. To serve the first alone would prune what the others made, with nobody told.",
		},
		{
			name: "oras push of several files, one chosen", artifact: orasPush("README.md:text/markdown", "app.yaml:text/yaml"),
			spec:    "layerSelector: {mediaType: text/yaml}",
			files:   "app.yaml",
			because: "The selector says which layer is meant.",
			flux:    "Fails, for the layer is no gzip.",
		},
		{
			name: "oras push of a folder", artifact: orasPush("deploy"),
			files: "deploy/app.yaml deploy/db/service.yaml", asIs: true,
			because: "A folder becomes a gzip tar with the folder's name in front of every path, and consumers get these paths.",
		},
		{
			name: "oras push of two folders", artifact: orasPush("deploy", "extra"),
			files: "deploy/app.yaml deploy/db/service.yaml", asIs: true,
			because: "Each folder is a layer, and without a selector the first layer is meant.",
		},
		{
			name: "oras push of nothing", artifact: orasPush(),
			want:    retried(layerFailed, "no annotation org.opencontainers.image.title names it"),
			because: "An artifact of annotations alone has an empty JSON object as its layer, which is no file of anybody.",
		},
		{
			name: "Argo CD's archive", artifact: orasPush("archive.tar.gz:application/vnd.oci.image.layer.v1.tar+gzip"),
			files: "guestbook/app.yaml", asIs: true,
			because: "A title does not make a file of an archive: gzip is told by its first bytes.",
		},
		{
			name: "imgpkg push", artifact: imgpkgPush,
			files: ".imgpkg/images.yml config/app.yaml", asIs: true,
			because: "A bundle is an image of Docker with a gzip tar; its own folder is part of it, as of what Flux serves.",
		},
		{
			name: "imgpkg push, without its own folder", artifact: imgpkgPush,
			spec:    "ignore: .imgpkg/",
			files:   "config/app.yaml",
			because: "What consumers must not see is left out by spec.ignore, and the rest packed anew.",
		},
		{
			name: "crane append", artifact: craneAppend(tarOf("deploy/", "deploy/app.yaml")),
			files: "deploy/app.yaml", asIs: true,
			because: "Docker's media types name the same gzip tar.",
		},
		{
			name: "crane append of two tars", artifact: craneAppend(tarOf("app.yaml"), tarOf("second.yaml")),
			files: "app.yaml", asIs: true,
			because: "Without a selector the first layer is meant.",
		},
		{
			name: "crane append of a zstd tar", artifact: craneAppend(zstandard(tarOf("app.yaml"))),
			files:   "app.yaml",
			because: "Consumers read gzip only, so the tar in it is packed anew.",
			flux:    "Fails, for the layer is no gzip.",
		},
		{
			name: "kustomizer push artifact", artifact: kustomizerPush,
			files: "all.yaml", asIs: true,
			because: "One file of all objects, in a gzip tar.",
		},
		{
			name: "docker build from scratch", artifact: dockerPush(tarOf("deploy/", "deploy/app.yaml"), tarOf("late/", "late/job.yaml")),
			files: "deploy/app.yaml", asIs: true,
			because: "Each COPY is a layer, and without a selector the first is meant.",
		},
		{
			name: "docker buildx build", artifact: buildxPush("amd64", compress(tarOf("app.yaml")), typeLayer),
			files: "app.yaml", asIs: true,
			because: "buildx pushes an index; its provenance is for no platform and not meant.",
		},
		{
			name: "docker buildx build for arm64", artifact: buildxPush("arm64", compress(tarOf("app.yaml")), typeLayer),
			files: "app.yaml", asIs: true,
			because: "YAML has no platform: the only one there is will do. Provenance does not count.",
			flux:    "Fails where no entry is for linux/amd64: OCIArtifactPullFailed.",
		},
		{
			name: "docker buildx build with zstd", artifact: buildxPush("amd64", zstandard(tarOf("app.yaml")), "application/vnd.oci.image.layer.v1.tar+zstd"),
			files:   "app.yaml",
			because: "Consumers read gzip only, so the tar in it is packed anew.",
			flux:    "Fails, for the layer is no gzip.",
		},
	}
}

const chartSelector = "layerSelector: {mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: "

// chartRows are Helm charts, as helm-controller wants them and as files.
func chartRows() []row {
	return []row{
		{
			name: "helm push", artifact: helmPush("v1"),
			spec:  chartSelector + "copy}",
			files: "app/Chart.yaml app/templates/deployment.yaml app/values.yaml", asIs: true,
			because: "helm-controller checks the chart that it downloads: these are its bytes, untouched.",
		},
		{
			name: "helm push with provenance", artifact: helmPush("v1", "first"),
			spec:  chartSelector + "copy}",
			files: "app/Chart.yaml app/templates/deployment.yaml app/values.yaml", asIs: true,
			because: "Helm sorts its layers by digest: the selector finds the chart wherever it lies.",
		},
		{
			name: "helm push with provenance first, none chosen", artifact: helmPush("v1", "first"),
			want:    retried(layerFailed, "it is a file and not an archive, and the first of 2 layers"),
			because: "Layer 0 is a signature, of which nothing can be served, and the message says what to do.",
		},
		{
			name: "helm push, extracted", artifact: helmPush("v1", "last"),
			spec:  chartSelector + "extract}",
			files: "app/Chart.yaml app/templates/deployment.yaml app/values.yaml", asIs: true,
			because: "A chart is a gzip tar like any other.",
		},
		{
			name: "helm push, extracted with rules", artifact: helmPush("v1"),
			spec:    chartSelector + "extract}\nignore: values.yaml",
			files:   "app/Chart.yaml app/templates/deployment.yaml",
			because: "extract applies ignore rules, copy does not.",
		},
		{
			name: "a version of a chart with build metadata", artifact: helmPush("1.0.0_build.7"),
			spec:     chartSelector + "copy}\nref: {semver: 1.x}",
			revision: "1.0.0_build.7@$DIGEST",
			files:    "app/Chart.yaml app/templates/deployment.yaml app/values.yaml", asIs: true,
			because: "A tag holds no plus: Helm writes an underscore for it, and charts are found by their versions.",
		},
		{
			name: "the same tag of what is no chart", artifact: filesAt("1.0.0_build.7", "app.yaml"),
			spec:    "ref: {semver: 1.x}",
			want:    retried(readFailed, "none of 1 is a version"),
			because: "An underscore means a plus to Helm only.",
		},
	}
}
