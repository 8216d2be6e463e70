package controlplane

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
	"github.com/kubectl-oci/kubectl-oci/e2e/process"
)

// layout knows every path, port and flag of one control plane.
type layout struct {
	dir                           string
	address                       net.IP // of the machine, for Pods; nil: there are none
	clientPort, peerPort, apiPort int
}

func (l layout) path(name string) string { return filepath.Join(l.dir, name) }
func (l layout) pki(name string) string  { return filepath.Join(l.dir, "pki", name) }
func (l layout) log(name string) string  { return filepath.Join(l.dir, "log", name+".log") }

func (l layout) url() string     { return loopbackURL("https", l.apiPort) }
func (l layout) etcdURL() string { return loopbackURL("http", l.clientPort) }
func (l layout) peerURL() string { return loopbackURL("http", l.peerPort) }

func loopbackURL(scheme string, port int) string {
	return fmt.Sprintf("%s://127.0.0.1:%d", scheme, port)
}

// etcd says that it is ready only when it has its ports: an etcd of somebody else on them is not mistaken for it.
func (l layout) etcd(b Binaries) process.Command {
	return process.Command{Name: "etcd", Path: b.Etcd, Log: l.log("etcd"), Ready: "ready to serve client requests", Args: []string{
		"--name=testbed", "--data-dir=" + l.path("etcd"), "--unsafe-no-fsync", "--log-level=info",
		"--listen-client-urls=" + l.etcdURL(), "--advertise-client-urls=" + l.etcdURL(),
		"--listen-peer-urls=" + l.peerURL(), "--initial-advertise-peer-urls=" + l.peerURL(),
		"--initial-cluster=testbed=" + l.peerURL(),
	}}
}

func (l layout) apiServer(b Binaries) process.Command {
	return process.Command{Name: "kube-apiserver", Path: b.APIServer, Log: l.log("kube-apiserver"), Args: append([]string{
		"--etcd-servers=" + l.etcdURL(),
		fmt.Sprintf("--secure-port=%d", l.apiPort),
		"--tls-cert-file=" + l.pki("apiserver.crt"), "--tls-private-key-file=" + l.pki("apiserver.key"),
		"--client-ca-file=" + l.pki("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + l.pki("sa.pub"), "--service-account-signing-key-file=" + l.pki("sa.key"),
		"--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
	}, l.reach()...)}
}

// reach says who may come to the API server, and how it comes to kubelets.
func (l layout) reach() []string {
	if l.address == nil {
		return []string{
			"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
			"--endpoint-reconciler-type=none", // the default one refuses a loopback address, loudly
		}
	}
	return []string{
		"--bind-address=0.0.0.0", "--advertise-address=" + l.address.String(),
		"--kubelet-certificate-authority=" + l.pki("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		"--kubelet-client-certificate=" + l.pki("kubelet-client.crt"), "--kubelet-client-key=" + l.pki("kubelet-client.key"),
	}
}

func (l layout) controllerManager(b Binaries) process.Command {
	return process.Command{Name: "kube-controller-manager", Path: b.ControllerManager, Log: l.log("kube-controller-manager"), Args: []string{
		"--kubeconfig=" + l.path("kube-controller-manager.kubeconfig"), "--leader-elect=false", "--secure-port=0",
		"--use-service-account-credentials", "--service-account-private-key-file=" + l.pki("sa.key"),
		"--root-ca-file=" + l.pki("ca.crt"),
		"--cluster-signing-cert-file=" + l.pki("ca.crt"), "--cluster-signing-key-file=" + l.pki("ca.key"),
		"--kube-api-qps=500", "--kube-api-burst=1000", // the default 20 and 30 cost seconds at the start
	}}
}

// write makes the folders, keys, certificates and kubeconfigs, and returns a client for the administrator.
func (l layout) write(ca *pki.CA) (*http.Client, error) {
	for _, dir := range []string{l.path("pki"), l.path("log")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	if err := l.writeKeys(ca); err != nil {
		return nil, err
	}
	if _, err := l.writeKubeconfig(ca, "kube-controller-manager.kubeconfig", pki.Subject{Name: "system:kube-controller-manager"}); err != nil {
		return nil, err
	}
	admin, err := l.writeKubeconfig(ca, "kubeconfig", pki.Subject{Name: "admin", Groups: []string{"system:masters"}})
	if err != nil {
		return nil, err
	}
	certificate, err := admin.TLS()
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{certificate}},
		ForceAttemptHTTP2: true,
	}}, nil
}

func (l layout) writeKeys(ca *pki.CA) error {
	addresses := []net.IP{net.IPv4(10, 96, 0, 1)}
	if l.address != nil {
		addresses = append(addresses, l.address)
	}
	server, err := ca.Issue(pki.Subject{
		Name: "kube-apiserver",
		DNS:  []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		IPs:  addresses,
	})
	if err != nil {
		return err
	}
	client, err := ca.Issue(pki.Subject{Name: "kube-apiserver", Groups: []string{"system:masters"}})
	if err != nil {
		return err
	}
	key, err := pki.NewKey()
	if err != nil {
		return err
	}
	private, public, err := pki.EncodeKeys(key)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"ca.crt": ca.Cert, "ca.key": ca.Key, "apiserver.crt": server.Cert, "apiserver.key": server.Key,
		"kubelet-client.crt": client.Cert, "kubelet-client.key": client.Key,
		"sa.key": private, "sa.pub": public,
	} {
		if err := os.WriteFile(l.pki(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: testbed
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %s
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: testbed
  context: {cluster: testbed, user: %[3]s}
current-context: testbed
`

// writeKubeconfig issues a certificate for a user and writes a kubeconfig that refers to no other file.
func (l layout) writeKubeconfig(ca *pki.CA, name string, user pki.Subject) (pki.Pair, error) {
	pair, err := ca.Issue(user)
	if err != nil {
		return pki.Pair{}, err
	}
	in := base64.StdEncoding.EncodeToString
	content := fmt.Sprintf(kubeconfig, l.url(), in(ca.Cert), user.Name, in(pair.Cert), in(pair.Key))
	return pair, os.WriteFile(l.path(name), []byte(content), 0o600)
}
