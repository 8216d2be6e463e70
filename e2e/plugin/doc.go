// Package plugin tests the commands of the kubectl plugin that speak to a cluster: the built binary against a real API server, and a real
// agent that looks after the objects. What the agent serves is behind a Service, as in a cluster with nodes, so that the API server's
// proxy leads to it.
//
// The tests are the scripts in testdata, each headed by what it protects. To run one, and see all that it prints:
//
//	go -C e2e test ./plugin -run Scripts/get -v
//
// A script has a namespace of its own, $NAMESPACE, which its kubeconfig leads to, kubectl and kubectl-oci on its PATH, a folder app to
// push, and $REPOSITORY in a registry that asks for no login. Beside the commands that [testscript] brings, it may use:
//
//	private
//		starts a registry that asks for a login and sets $PRIVATE, its $PORT, and $PASSWORD, which is alice's and must not be printed
//	expand FROM TO
//		copies a file with its variables replaced
//	await FILE REGEXP
//		waits until the file, which a command in the background writes, matches
//
// [testscript]: https://pkg.go.dev/github.com/rogpeppe/go-internal/testscript
package plugin
