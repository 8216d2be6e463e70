// Package controlplane builds and runs a real Kubernetes control plane on loopback: etcd, kube-apiserver and
// kube-controller-manager, all from Go modules, without root. It stores and admits and authorizes like any cluster; there is no node,
// so no Pod ever runs.
//
//	builder, err := controlplane.NewBuilder(os.Stderr)
//	binaries, err := builder.Build(ctx)
//	plane, err := controlplane.Start(ctx, binaries, dir)
//	defer plane.Stop()
//
// Data is not synced to disk and is gone with the run. When one part dies all parts are stopped.
package controlplane
