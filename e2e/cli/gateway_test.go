package cli_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-oci/kubectl-oci/e2e/loopback"
)

func (s *script) startGateway(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	server, err := loopback.Serve(s.t.Context(), gateway{name: args[0], to: s.registry.Host}, loopback.Options{})
	if err != nil {
		return err
	}
	ts.Defer(server.Close)
	ts.Setenv("HTTP_PROXY", "http://"+server.Addr)
	ts.Setenv("HTTPS_PROXY", "http://"+server.Addr)
	return nil
}

// gateway is an HTTP proxy, as companies have them, that knows one host.
type gateway struct{ name, to string }

func (g gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Hostname() != g.name {
		http.Error(w, "unknown host", http.StatusBadGateway)
		return
	}
	if r.Method == http.MethodConnect {
		g.tunnel(w)
		return
	}
	forward := httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", g.to, g.name
	}}
	forward.ServeHTTP(w, r)
}

// tunnel passes bytes on until both sides are done.
func (g gateway) tunnel(w http.ResponseWriter) {
	there, err := net.Dial("tcp", g.to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	var both sync.WaitGroup
	pass := func(to, from net.Conn, r io.Reader) {
		io.Copy(to, r)
		to.Close()
		from.Close()
	}
	both.Go(func() { pass(there, here, buffered) })
	both.Go(func() { pass(here, there, there) })
	both.Wait()
}
