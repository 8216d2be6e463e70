package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// Registry is host:port of the node's registry, for the test, for containerd and for Pods. Its certificate is from [Node.CA].
const Registry = Address + ":5000"

// Mirrored is the registry in whose place containerd asks the node's, for the same repositories.
const Mirrored = "ghcr.io"

// startRegistry starts a registry on loopback, and a server with TLS before it that Pods reach.
func (n *Node) startRegistry(ctx context.Context) (err error) {
	if n.registry, err = registry.Start(ctx, registry.Options{Dir: filepath.Join(n.Dir, "registry")}); err != nil {
		return err
	}
	pair, err := n.plane.CA.Issue(pki.Subject{Name: "node's registry", IPs: []net.IP{net.ParseIP(Address)}})
	if err != nil {
		return err
	}
	certificate, err := pair.TLS()
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", Registry, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return fmt.Errorf("start the node's registry: %w", err)
	}
	to := &url.URL{Scheme: "http", Host: n.registry.Host}
	quiet := log.New(io.Discard, "", 0) // clients that go away
	n.server = &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: quiet, Handler: &httputil.ReverseProxy{
		ErrorLog: quiet,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // the registry says where uploads go on
			r.SetXForwarded()
		},
	}}
	go func() { _ = n.server.Serve(listener) }() // returns when stop has closed it
	return nil
}
