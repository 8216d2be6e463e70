// Package install tests how the agent comes into a cluster, is upgraded and goes: kubectl oci install and uninstall with each profile of the
// manifests, against real control planes.
//
// There is no node here. What a kubelet does for the agent's Pods, node does in the open: it runs the command line of each Pod as a process,
// with the rights of the Pod's ServiceAccount and no others, tells the API server whether the readiness probe passes, and ends the process when
// the Pod is deleted. It pulls no image and isolates nothing: e2e/node has a real node for that.
package install
