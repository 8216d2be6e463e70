package node

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
	"github.com/kubectl-oci/kubectl-oci/e2e/process"
)

// Name of the node.
const Name = "node"

const containerdSocket = "/run/containerd/containerd.sock"

// layout knows every path, file and flag of the node's own programs.
type layout struct {
	dir     string
	group   string // parent of all control groups
	sandbox string // reference of the image that holds a Pod's namespaces
	controlplane.NodeBinaries
	scheduler, kubelet, proxy, dns string // paths of kubeconfigs
}

func (l layout) path(name string) string { return filepath.Join(l.dir, name) }
func (l layout) log(name string) string  { return filepath.Join(l.dir, "log", name+".log") }

// files are the programs' configuration, by path.
func (l layout) files() map[string]string {
	return map[string]string{
		l.path("containerd.toml"):                                fmt.Sprintf(containerdConfig, l.path("containerd"), containerdSocket, l.sandbox, l.path("certs.d"), l.Plugins, l.path("cni"), l.Runc),
		l.path("cni/10-ptp.conflist"):                            fmt.Sprintf(networkConfig, mtu, podRange),
		filepath.Join(l.path("certs.d"), Registry, "hosts.toml"): fmt.Sprintf(hostsConfig, Registry, l.path("pki/ca.crt")),
		filepath.Join(l.path("certs.d"), Mirrored, "hosts.toml"): fmt.Sprintf(hostsConfig, Registry, l.path("pki/ca.crt")),
		l.path("kubelet.yaml"):                                   fmt.Sprintf(kubeletConfig, l.group, containerdSocket, l.path("pki/ca.crt"), l.path("kubelet.crt"), l.path("kubelet.key"), Address),
		l.path("kube-proxy.yaml"):                                fmt.Sprintf(proxyConfig, Name, l.proxy),
		l.path("Corefile"):                                       fmt.Sprintf(dnsConfig, l.dns),
	}
}

func (l layout) write() error {
	for path, content := range l.files() {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// commands in the order of their start.
func (l layout) commands() []process.Command {
	programs := []process.Command{
		{Name: "coredns", Path: l.CoreDNS, Args: []string{"-conf", l.path("Corefile")}},
		{Name: "containerd", Path: l.Containerd, Args: []string{"--config", l.path("containerd.toml")}, Ready: "containerd successfully booted",
			Env: append(os.Environ(), "PATH="+filepath.Dir(l.Containerd)+":"+os.Getenv("PATH"))}, // where it finds its shim
		{Name: "kube-scheduler", Path: l.Scheduler, Args: []string{"--kubeconfig=" + l.scheduler, "--leader-elect=false", "--secure-port=0"}},
		{Name: "kube-proxy", Path: l.Proxy, Args: []string{"--config=" + l.path("kube-proxy.yaml")}},
		{Name: "kubelet", Path: l.Kubelet, Args: []string{
			"--config=" + l.path("kubelet.yaml"), "--kubeconfig=" + l.kubelet, "--hostname-override=" + Name, "--node-ip=" + Address, "--v=2",
		}},
	}
	for i := range programs {
		programs[i].Log = l.log(programs[i].Name)
	}
	return programs
}
