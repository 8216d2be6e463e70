package agent_test

import corev1 "k8s.io/api/core/v1"

// ignoreRows are rules for what is left out.
func ignoreRows() []row {
	return []row{
		{
			name: "default rules", artifact: files("app.yaml", "logo.png", ".github/ci.yaml", ".sops.yaml", ".git/config", ".gitignore"),
			files:   "app.yaml",
			because: "Without any rule the default list holds: version control, CI and tool files, pictures and archives.",
		},
		{
			name: "spec.ignore", artifact: files("app.yaml", "logo.png", "notes.txt", ".git/config"),
			spec:    "ignore: '*.txt'",
			files:   "app.yaml logo.png",
			because: "One rule replaces the default list, but version control's files always stay out.",
		},
		{
			name: "spec.ignore of comments", artifact: files("app.yaml", "logo.png"),
			spec:    "ignore: '# nothing'",
			files:   "app.yaml",
			because: "A comment is no rule: the default list holds.",
		},
		{
			name: ".sourceignore", artifact: files("app.yaml", "logo.png", "drafts/app.yaml", "deploy/drafts/app.yaml", ".sourceignore"),
			files:   ".sourceignore app.yaml logo.png",
			because: "Rules may lie in the artifact, before or after what they govern, and replace the default list too.",
		},
		{
			name: ".sourceignore in a folder", artifact: files("README.md", "deploy/.sourceignore", "deploy/README.md", "drafts/app.yaml"),
			files:   "README.md deploy/.sourceignore drafts/app.yaml",
			because: "Its rules govern its folder and no other.",
		},
		{
			name: ".sourceignore and spec.ignore", artifact: files(".sourceignore", "README.md", "app.yaml"),
			spec:    "ignore: |\n  !README.md\n  .sourceignore\n",
			files:   "README.md app.yaml",
			because: "spec.ignore comes last and wins.",
		},
		{
			name: "nothing to leave out", artifact: files("app.yaml", "deploy/app.yaml"),
			spec:  "ignore: '*.txt'",
			files: "app.yaml deploy/app.yaml", asIs: true,
			because: "Rules that fit nothing change nothing: the layer's own bytes are served.",
		},
		{
			name: "all left out", artifact: files("app.yaml"),
			spec:    "ignore: '*'",
			want:    retried(layerFailed, "ignore rules leave out all"),
			because: "Whoever applies an empty artifact and prunes deletes everything.",
			flux:    "Serves an empty archive.",
		},
	}
}

// specRows are fields that have nothing to do with the artifact's contents, and specs that the API server refuses.
func specRows() []row {
	return []row{
		{
			name: "v1beta2", artifact: files("app.yaml"), version: "v1beta2",
			files: "app.yaml", asIs: true,
			because: "The version is served still, with the same schema.",
		},
		{
			name: "all defaults said", artifact: files("app.yaml"),
			spec:  "{provider: generic, timeout: 60s, insecure: false, suspend: false, interval: 1h, layerSelector: {operation: extract}}",
			files: "app.yaml", asIs: true,
			because: "To say a default changes nothing.",
		},
		{
			name: "interval of several units", artifact: files("app.yaml"), spec: "interval: 1h30m0.5s",
			files: "app.yaml", asIs: true,
			because: "Durations are written as Go writes them.",
		},
		{
			name: "Secret that is missing", artifact: files("app.yaml"), spec: "secretRef: {name: missing}",
			want:    retried("AuthenticationFailed", "missing"),
			because: "It may be made later: the agent looks again. Without it nothing is fetched, not even what is public.",
		},
		{
			name: "Secret of another type", artifact: files("app.yaml"), spec: "secretRef: {name: opaque}",
			with:    func(r *room) { r.secret("opaque", corev1.SecretTypeOpaque, "password", "x") },
			want:    retried("AuthenticationFailed", `its type is "Opaque"`),
			because: "Which key would hold the credentials is known for pull secrets only.",
		},
		{
			name: "Secret for another registry", artifact: files("app.yaml"), spec: "secretRef: {name: other}",
			with:  func(r *room) { r.pullSecret("other", "ghcr.io", "alice", "password") },
			files: "app.yaml", asIs: true,
			because: "Credentials are sent to their own registry; where none is for this one, nobody logs in.",
		},
		{
			name: "authority that is missing", artifact: files("app.yaml"), spec: "certSecretRef: {name: missing}",
			want:    retried("AuthenticationFailed", `missing": there is none`),
			because: "Who names an authority does not want any other to do: nothing is asked before it is there.",
		},
		{
			name: "authority under another key", artifact: files("app.yaml"), spec: "certSecretRef: {name: typing-error}",
			with:    func(r *room) { r.secret("typing-error", corev1.SecretTypeOpaque, "ca.cert", "x") },
			want:    retried("AuthenticationFailed", "neither ca.crt nor tls.crt and tls.key, but ca.cert"),
			because: "The message shows the keys that are there.",
		},
		{
			name: "proxy without an address", artifact: files("app.yaml"), spec: "proxySecretRef: {name: no-address}",
			with:    func(r *room) { r.secret("no-address", corev1.SecretTypeOpaque, "username", "x") },
			want:    retried("AuthenticationFailed", "it has no address, but username"),
			because: "Whoever names a proxy wants no other way to be taken.",
		},
		{
			name: "ServiceAccount that is missing", artifact: files("app.yaml"), spec: "serviceAccountName: missing",
			want:    retried("AuthenticationFailed", `missing": there is none`),
			because: "It may be made later: the agent looks again.",
		},
		{
			name: "ServiceAccount without pull secrets", artifact: files("app.yaml"), spec: "serviceAccountName: plain",
			with:  func(r *room) { r.account("plain") },
			files: "app.yaml", asIs: true,
			because: "It has nothing to log in with, and the registry asks for nothing.",
		},
		{
			name: "cloud provider of another registry", artifact: files("app.yaml"), spec: "provider: aws",
			want:    stalled("AuthenticationFailed", "log in with provider aws as the agent"),
			because: "Amazon issues credentials for its own registries, and nobody is asked anonymously who should log in. Only another spec helps.",
		},
		{
			name: "no interval", spec: "interval: null",
			refused: "spec.interval",
			because: "How often a registry is asked is for the object to say.",
		},
		{
			name: "interval that is none", spec: "interval: daily",
			refused: "spec.interval",
			because: "The schema has a pattern for durations.",
		},
		{
			name: "timeout in hours", spec: "timeout: 1h",
			refused: "spec.timeout",
			because: "The schema knows no hours here.",
		},
		{
			name: "no URL", spec: "url: null",
			refused: "spec.url",
			because: "Nothing can be done without it.",
		},
		{
			name: "unknown provider", spec: "provider: oracle",
			refused: "spec.provider",
			because: "The schema lists them.",
		},
		{
			name: "unknown operation", spec: "layerSelector: {operation: unpack}",
			refused: "spec.layerSelector.operation",
			because: "The schema lists them.",
		},
		{
			name: "unknown kind of signature", spec: "verify: {provider: gpg}",
			refused: "spec.verify.provider",
			because: "The schema lists them.",
		},
		{
			name: "signature by notation of anyone", artifact: files("app.yaml"), spec: "verify: {provider: notation}",
			want: verdict{[]string{
				"Ready=False VerificationError", "SourceVerified=False VerificationError", "Stalled=True VerificationError",
			}, "it has no secretRef: notation needs a secret"},
			because: "Only another spec helps.",
			flux:    "Tries again and again: VerificationError.",
		},
		{
			name: "signature of anyone", artifact: files("app.yaml"), spec: "verify: {provider: cosign}",
			want: verdict{[]string{
				"Ready=False VerificationError", "SourceVerified=False VerificationError", "Stalled=True VerificationError",
			}, "name who may sign"},
			because: "Anybody can get a certificate to sign with: that somebody signed says nothing.",
			flux:    "Accepts a signature of anybody.",
		},
	}
}
