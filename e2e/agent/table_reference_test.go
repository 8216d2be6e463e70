package agent_test

// referenceRows are ways to say which artifact is meant, apart from versions.
func referenceRows() []row {
	const none = "sha256:" + "0000000000000000000000000000000000000000000000000000000000000000"
	return []row{
		{
			name: "tag", artifact: files("app.yaml"), spec: "ref: {tag: v1}",
			files: "app.yaml", asIs: true,
			because: "The revision says the tag and the digest that it pointed to.",
		},
		{
			name: "no ref", artifact: filesAt("latest", "app.yaml"), spec: "ref: null",
			revision: "latest@$DIGEST", files: "app.yaml", asIs: true,
			because: "Without a reference the tag latest is meant.",
		},
		{
			name: "empty ref", artifact: filesAt("latest", "app.yaml"), spec: "ref: {}",
			revision: "latest@$DIGEST", files: "app.yaml", asIs: true,
			because: "An empty reference is none.",
		},
		{
			name: "no ref and no tag latest", artifact: files("app.yaml"), spec: "ref: {}",
			want:    retried(pullFailed, "spec.ref is empty, which means the tag latest"),
			because: "Nobody wrote latest, so the message has to say where it comes from.",
		},
		{
			name: "tag that is not there", artifact: files("app.yaml"), spec: "ref: {tag: v2}",
			want:    retried(pullFailed, "/$REPOSITORY:v2"),
			because: "It may come later: the agent asks again.",
		},
		{
			name: "tag that can be none", spec: "ref: {tag: 'v1 '}",
			want:    stalled(readFailed, "parse spec.ref.tag"),
			because: "No registry has such a tag: only another spec helps.",
			flux:    "Tries again and again: OCIArtifactPullFailed.",
		},
		{
			name: "digest", artifact: files("app.yaml"), spec: "ref: {digest: '$DIGEST'}",
			revision: "$DIGEST", files: "app.yaml", asIs: true,
			because: "The revision of a digest is the digest.",
		},
		{
			name: "digest that is not there", artifact: files("app.yaml"), spec: "ref: {digest: '" + none + "'}",
			want:    retried(pullFailed, "manifest unknown"),
			because: "It may come later: the agent asks again.",
		},
		{
			name: "digest that can be none", spec: "ref: {digest: 'sha256:beef'}",
			want:    stalled(readFailed, "not sha256: and 64 hex digits"),
			because: "Only another spec helps.",
			flux:    "Tries again and again: OCIArtifactPullFailed.",
		},
		{
			name: "digest by another algorithm", spec: "ref: {digest: 'sha512:beef'}",
			want:    stalled(readFailed, "not sha256: and 64 hex digits"),
			because: "Registries and consumers agree on sha256 and on nothing else.",
			flux:    "Tries again and again: OCIArtifactPullFailed.",
		},
		{
			name: "digest, range and tag", artifact: filesAt("2.0.0", "app.yaml"), spec: "ref: {digest: '$DIGEST', semver: 1.x, tag: v3}",
			revision: "$DIGEST", files: "app.yaml", asIs: true,
			because: "The digest wins over all.",
		},
		{
			name: "range and tag", artifact: filesAt("1.2.3", "app.yaml"), spec: "ref: {semver: 1.x, tag: v3}",
			revision: "1.2.3@$DIGEST", files: "app.yaml", asIs: true,
			because: "The range wins over the tag.",
		},
		{
			name: "URL without oci://", artifact: files("app.yaml"), spec: "url: $REGISTRY/$REPOSITORY",
			files: "app.yaml", asIs: true,
			because: "The prefix says nothing that the kind does not say.",
			flux:    "Its CRD refuses the URL.",
		},
		{
			name: "URL with a tag", spec: "url: oci://$REGISTRY/$REPOSITORY:v1",
			want:    stalled("URLInvalid", "it holds a tag or a digest"),
			because: "A tag belongs into spec.ref: two places would contradict each other.",
		},
		{
			name: "URL with a digest", spec: "url: oci://$REGISTRY/$REPOSITORY@" + none,
			want:    stalled("URLInvalid", "it holds a tag or a digest"),
			because: "A digest belongs into spec.ref.",
		},
		{
			name: "URL in capitals", spec: "url: oci://$REGISTRY/org/App",
			want:    stalled("URLInvalid", "lower-case letters"),
			because: "No registry has such a repository.",
		},
		{
			name: "URL without a registry", spec: "url: oci://org/app",
			want:    stalled("URLInvalid", "no registry in it: write the host too"),
			because: "Which registry is meant must not depend on who reads it.",
			flux:    "Takes it for a repository of Docker Hub.",
		},
		{
			name: "URL of a web page", spec: "url: https://$REGISTRY/$REPOSITORY",
			refused: "spec.url",
			because: "A repository has no scheme but oci.",
		},
		{
			name: "no repository", spec: "url: oci://$REGISTRY/org/none",
			want:    retried(pullFailed, "not found"),
			because: "It may be pushed later: the agent asks again.",
		},
	}
}

// versionRows are ranges of versions.
func versionRows() []row {
	tags := func(names ...string) func(*shelf) {
		return func(s *shelf) {
			for _, name := range names {
				filesAt(name, "of-"+name+".yaml")(s)
			}
		}
	}
	all := tags("v1.0.0", "2.0.0", "9.9", "latest", "1.11.0-rc.1", "1.9.0", "1.10.0")
	return []row{
		{
			name: "range", artifact: all, spec: "ref: {semver: 1.x}",
			revision: "1.10.0@$DIGEST", files: "of-1.10.0.yaml", asIs: true,
			because: "The highest by number and not by letter; a prerelease is in no range that does not ask for one.",
		},
		{
			name: "range with a bound", artifact: tags("1.2.0", "1.0.0", "v1.1.0"), spec: "ref: {semver: '>=1.0.0 <1.2.0'}",
			revision: "v1.1.0@$DIGEST", files: "of-v1.1.0.yaml", asIs: true,
			because: "A v in front is no part of the version, and stays part of the tag.",
		},
		{
			name: "range with prereleases", artifact: tags("1.10.0", "1.11.0-rc.1"), spec: "ref: {semver: '>=1.0.0-0'}",
			revision: "1.11.0-rc.1@$DIGEST", files: "of-1.11.0-rc.1.yaml", asIs: true,
			because: "-0 asks for them.",
		},
		{
			name: "two parts only", artifact: tags("1.2", "1"), spec: "ref: {semver: 1.x}",
			want:    retried(readFailed, `none of 2 is a version in the range "1.x"`),
			because: "A version has three parts: 1.2 is a tag that moves, and following it by number means two things at once.",
		},
		{
			name: "nothing in the range", artifact: tags("1.0.0"), spec: "ref: {semver: 2.x}",
			want:    retried(readFailed, `none of 1 is a version in the range "2.x"`),
			because: "It may be pushed later: the agent asks again.",
		},
		{
			name: "prereleases only", artifact: tags("1.0.0-rc.1", "1.0.0-rc.2"), spec: "ref: {semver: '>=1.0.0'}",
			want:    retried(readFailed, `prereleases of such versions: 2, as "1.0.0-rc.2" is one: add -0`),
			because: "Who sees the tags and not the reason looks for it in the registry.",
		},
		{
			name: "no range", artifact: tags("1.0.0"), spec: "ref: {semver: newest}",
			want:    stalled(readFailed, `parse spec.ref.semver "newest"`),
			because: "Only another spec helps.",
			flux:    "Lists the tags again and again: ReadOperationFailed, but never Stalled.",
		},
		{
			name: "range and filter", artifact: tags("1.0.0-staging.9", "1.0.0-prod.1", "1.0.0-prod.2"),
			spec:     "ref: {semver: '>=1.0.0-0', semverFilter: '-prod'}",
			revision: "1.0.0-prod.2@$DIGEST", files: "of-1.0.0-prod.2.yaml", asIs: true,
			because: "Tags that the expression does not match, anywhere in them, are not looked at.",
		},
		{
			name: "filter that is none", artifact: tags("1.0.0"), spec: "ref: {semver: 1.x, semverFilter: '('}",
			want:    stalled(readFailed, "parse spec.ref.semverFilter"),
			because: "Only another spec helps.",
			flux:    "Lists the tags again and again: ReadOperationFailed, but never Stalled.",
		},
		{
			name: "filter without a range", artifact: files("app.yaml"), spec: "ref: {tag: v1, semverFilter: '^v'}",
			want:  stored("; spec.ref.semverFilter has no effect"),
			files: "app.yaml", asIs: true,
			because: "Objects that have it work elsewhere and must go on to work; who wrote it is told that it does nothing.",
			flux:    "Says nothing of it.",
		},
	}
}
