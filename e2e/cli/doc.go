// Package cli tests the kubectl plugin as its users meet it: the built binary, on the command line, against a real registry
// behind a proxy that counts requests and injects faults.
//
// The tests are the scripts in testdata, each headed by what it protects. To run one, and see all that it prints:
//
//	go -C e2e test ./cli -run Scripts/push_pull -v
//
// Beside the commands that [testscript] brings, a script may use:
//
//	registry [-tls] [-auth basic|token] [-disk] [-referrers]
//		starts a registry and sets $REGISTRY; with -tls $REGISTRY_CA, a file; with -auth $ALICE_PASSWORD (alice may do
//		everything), $READER_PASSWORD (reader may only pull) and $WRONG_PASSWORD; with -referrers
//		one that lists what refers to a manifest, and does not leave that to a tag
//	gateway NAME
//		makes the registry reachable under another host name, through an HTTP proxy that $HTTP_PROXY and $HTTPS_PROXY name
//	login [-env] USER PASSWORD
//		writes the Docker config in $HOME, or sets $DOCKER_AUTH_CONFIG
//	secret NAME
//		sets $NAME to something that must not be printed
//	vault
//		starts a key service as Vault has it and sets $VAULT_ADDR and $VAULT_TOKEN
//	fault [FIELD=VALUE...]
//		puts a fault in place, with the fields of the proxy; without any removes all
//	requests ['[N ]METHOD KIND'...] | requests any
//		checks that exactly these have reached the registry since it was asked last
//	await '[N ]METHOD KIND'...
//		waits until at least these have reached the registry since requests was used last
//	manifest REPOSITORY:REFERENCE, layer REPOSITORY:REFERENCE FILE
//		print a manifest, write its first layer to a file
//	tags REPOSITORY
//		prints its tags, one a line
//	put-blob REPOSITORY FILE NAME, put-manifest REPOSITORY:REFERENCE FILE NAME
//		upload by the back door and set $NAME to the digest and $NAME_SIZE to the size
//	notarize [-cose] [-foreign] [-name NAME] [-of TEXT] [-expired] [-certificate-expired] [-tampered] [-malformed] REPOSITORY:REFERENCE
//		signs as notation does, well or badly, and writes the authority's certificate to acme.crt
//	expand FROM TO
//		copies a file with its variables replaced
//	[!] cmptree A B
//		compares two trees: names, contents, links and execute bits
//	grow FOLDER MIB
//		makes a tree of so many MiB that compress somewhat
//	sigstore
//		starts a private Sigstore, sets $FULCIO_URL, $REKOR_URL, $TIMESTAMP_URL and $ISSUER, and writes trusted_root.json and
//		cosign's signing_config.json
//	token NAME SUBJECT
//		sets $NAME to the identity token of an e-mail address or a URI
//	person SUBJECT
//		says who logs in at the Sigstore from now on, as soon as a browser is opened or a code is asked for
//	pipeline SUBJECT
//		sets what a job of GitHub Actions has to ask for its token
//	cosign
//		puts sigstore's cosign on the PATH, built when it was not yet, and keeps it and all else from asking the internet
//	keypair ecdsa|rsa|ed25519 NAME
//		writes NAME.pem and NAME.pub, for keys that are not of cosign's making; ecdsa is longer than cosign's
//	unprivileged COMMAND..., within MIB COMMAND...
//		run a command without root's right to read everything; with a bound on its peak memory
//
// A script fails, too, when anything it printed holds one of the secrets, a token or a private key, and when a temporary file or folder of
// kubectl-oci is left in its folder.
//
// [testscript]: https://pkg.go.dev/github.com/rogpeppe/go-internal/testscript
package cli
