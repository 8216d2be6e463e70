package agent_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/kubectl-oci/kubectl-oci/e2e/loopback"
	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
)

// front stands between the agents and the API server and remembers what they ask.
type front struct {
	*loopback.Server
	authority []byte // PEM; clients send a token over TLS alone

	mu       sync.Mutex
	asked    []call
	refusals map[call]int // by method and, in place of a path, namespace
}

// call is one request of an agent to the API server.
type call struct {
	Method, Path string
	Watch        bool
}

func newFront(ctx context.Context, config *rest.Config) (*front, error) {
	certificate, authority, err := newCertificate()
	if err != nil {
		return nil, err
	}
	f := &front{authority: authority, refusals: map[call]int{}}
	server, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	trust, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	trust.Certificates, trust.GetClientCertificate = nil, nil // the agent's token says who asks, not the administrator's certificate
	proxy := &httputil.ReverseProxy{
		ErrorLog:      log.New(io.Discard, "", 0), // watches that end with their agent
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(server) },
		Transport:     &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true},
		FlushInterval: -1, // watches
	}
	f.Server, err = loopback.Serve(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.note(r) {
			http.Error(w, "injected", http.StatusInternalServerError)
			return
		}
		proxy.ServeHTTP(w, r)
	}), loopback.Options{TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}, HTTP2: true})
	return f, err
}

func newCertificate() (certificate tls.Certificate, authority []byte, err error) {
	ca, err := pki.NewCA("front of the API server")
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	pair, err := ca.Issue(pki.Subject{Name: "front"})
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	certificate, err = pair.TLS()
	return certificate, ca.Cert, err
}

// refuse has the next requests of a method in a namespace fail.
func (f *front) refuse(namespace, method string, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusals[call{Method: method, Path: namespace}] = times
}

// note remembers a request and tells whether it is to fail.
func (f *front) note(r *http.Request) (refused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := call{Method: r.Method, Path: r.URL.Path, Watch: r.URL.Query().Has("watch")}
	f.asked = append(f.asked, c)
	key := call{Method: c.Method, Path: c.namespace()}
	if f.refusals[key] == 0 {
		return false
	}
	f.refusals[key]--
	return true
}

func (c call) namespace() string {
	_, rest, _ := strings.Cut(c.Path, "/namespaces/")
	namespace, _, _ := strings.Cut(rest, "/")
	return namespace
}

// calls are those in a namespace so far.
func (f *front) calls(namespace string) []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []call
	for _, c := range f.asked {
		if c.namespace() == namespace {
			found = append(found, c)
		}
	}
	return found
}

// statusPatches is how often the status of an object was written.
func (f *front) statusPatches(namespace, name string) int {
	n := 0
	for _, c := range f.calls(namespace) {
		if c.Method == http.MethodPatch && strings.HasSuffix(c.Path, "/ocirepositories/"+name+"/status") {
			n++
		}
	}
	return n
}
