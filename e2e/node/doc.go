// Package node runs a real Kubernetes node, on which Pods run: control plane, scheduler, kubelet, containerd, runc, a network for Pods,
// kube-proxy and CoreDNS, all from Go modules, and a registry with TLS that its containerd and its Pods reach by the same name.
//
//	func TestMain(m *testing.M) {
//		os.Exit(node.Run(m, node.Options{Log: os.Stderr}, func(n *node.Node) { shared = n }))
//	}
//
// Run starts the test program a second time in network, mount and pid namespaces of its own, and runs the tests there, on the node itself.
// Nothing leaves that network, and nothing enters it. When the tests end or die in whatever way, the kernel ends every program of the node
// and every Pod, and takes down all mounts; what the test's first process made outside (a folder, control groups) it removes. A run whose
// first process is killed leaves those behind: empty control groups, which the next run removes, and the folder.
//
// It needs Linux, root, and what [Lacks] asks for. Where that is missing Run fails and says what was not run and why, unless the variable
// E2E_NODE is "optional": then Run says it as loudly, and the tests have to skip themselves.
//
// What is different from other clusters: there is one node; NetworkPolicies are not enforced; there is no metrics API; CoreDNS is a process
// of the node and no Pod. Control groups are used in both versions.
package node

import "strings"

// NotRun is what everybody should read where the tests on a node are not run.
func NotRun(lacks []string) string {
	const line = "========================================================================\n"
	return line + "NOT RUN: the tests on a real node. This machine lacks:\n  - " + strings.Join(lacks, "\n  - ") +
		"\nWith E2E_NODE=optional the other tests pass without them.\n" + line
}
