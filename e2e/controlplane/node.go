package controlplane

import (
	"context"
	"path/filepath"
)

// NodeBinaries are the paths of what turns a control plane into a cluster with a node.
type NodeBinaries struct {
	Scheduler, Kubelet, Proxy, CoreDNS string

	Containerd string // its shim lies beside it
	Runc       string
	Plugins    string // folder of the network's plugins
}

// BuildNode returns a node's programs, built now or before. The control plane does not need them. Beside Go they take gcc, pkg-config
// and the headers of libseccomp: without that library runc refuses every Pod that asks for the runtime's system call filter.
func (b *Builder) BuildNode(ctx context.Context) (NodeBinaries, error) {
	folders := map[string]string{}
	for _, c := range nodeComponents() {
		folder, err := b.component(ctx, c)
		if err != nil {
			return NodeBinaries{}, err
		}
		folders[c.name] = folder
	}
	return NodeBinaries{
		Scheduler:  filepath.Join(folders["node"], "kube-scheduler"),
		Kubelet:    filepath.Join(folders["node"], "kubelet"),
		Proxy:      filepath.Join(folders["node"], "kube-proxy"),
		CoreDNS:    filepath.Join(folders["coredns"], "coredns"),
		Containerd: filepath.Join(folders["containerd"], "containerd"),
		Runc:       filepath.Join(folders["runc"], "runc"),
		Plugins:    folders["cni"],
	}, nil
}

func nodeComponents() []component {
	return []component{
		{name: "node", module: "k8s", programs: map[string]string{
			"kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
			"kubelet":        "k8s.io/kubernetes/cmd/kubelet",
			"kube-proxy":     "k8s.io/kubernetes/cmd/kube-proxy",
		}, flags: versionFlags(), cost: "about 2 minutes after kubernetes"},
		{name: "containerd", module: "containerd", programs: map[string]string{
			"containerd":              "github.com/containerd/containerd/v2/cmd/containerd",
			"containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
		}, flags: " -X github.com/containerd/containerd/v2/version.Version=v2.4.2", cost: "about 1 minute"},
		{name: "runc", module: "runc", programs: map[string]string{
			"runc": "github.com/opencontainers/runc",
		}, flags: " -X main.version=1.5.2", c: true, tags: "seccomp", cost: "half a minute"},
		{name: "cni", module: "cni", programs: map[string]string{
			"ptp":        "github.com/containernetworking/plugins/plugins/main/ptp",
			"loopback":   "github.com/containernetworking/plugins/plugins/main/loopback",
			"host-local": "github.com/containernetworking/plugins/plugins/ipam/host-local",
		}, cost: "half a minute"},
		{name: "coredns", module: "coredns", programs: map[string]string{"coredns": "."}, source: "main.go", cost: "about 1 minute"},
	}
}
