package registry

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeProxy passes everything on to one host, whatever name it was asked for, so that names can be used that nobody resolves.
type fakeProxy struct {
	*httptest.Server
	to       string // host:port
	user     string // empty: everybody may
	password string

	mu    sync.Mutex
	asked []string // method and host
}

func serveProxy(t testing.TB, to *fakeHost, user, password string) *fakeProxy {
	t.Helper()
	p := &fakeProxy{to: to.Listener.Addr().String(), user: user, password: password}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *fakeProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	wanted := p.password
	p.mu.Unlock()
	auth := http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	if user, password, _ := auth.BasicAuth(); p.user != "" && (user != p.user || password != wanted) {
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method == http.MethodConnect {
		p.tunnel(w)
		return
	}
	(&httputil.ReverseProxy{Rewrite: func(out *httputil.ProxyRequest) {
		out.SetURL(&url.URL{Scheme: "http", Host: p.to})
		out.Out.Host = out.In.Host
	}}).ServeHTTP(w, r)
}

func (p *fakeProxy) tunnel(w http.ResponseWriter) {
	there, err := net.Dial("tcp", p.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(there, buffered)
		there.Close()
	}()
	_, _ = io.Copy(here, there)
}

func (p *fakeProxy) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.asked
	p.asked = nil
	return taken
}

// example.com is a name that the test server's certificate has.
var proxiedRef = Reference{Registry: "example.com", Repository: "org/app"}

func TestProxy(t *testing.T) {
	t.Parallel()
	secure, ca := serveTLS(t, nil)
	plain := serve(t, nil)
	const user, password = "anna", "hush:hush"
	for name, tc := range map[string]struct {
		host   *fakeHost
		access Access
		want   []string
	}{
		"https": {secure, Access{TLS: TLS{CA: ca}}, []string{"CONNECT example.com:443"}},
		"http": {plain, Access{Insecure: true}, []string{ // https is tried first
			"CONNECT example.com:443", "GET example.com", "HEAD example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := serveProxy(t, tc.host, user, password)
			tc.access.Proxy = Proxy{Address: proxy.URL, Username: user, Password: password}
			c := NewClient(Options{})
			if _, err := open(t, c, proxiedRef, tc.access).Resolve(t.Context(), "v1"); !IsNotFound(err) {
				t.Errorf("an empty repository gives %v", err)
			}
			if diff := cmp.Diff(tc.want, proxy.take()); diff != "" {
				t.Errorf("asked of the proxy (-want +got):\n%s", diff)
			}
			inAddress := tc.access
			inAddress.Proxy = Proxy{Address: strings.Replace(proxy.URL, "//", "//anna:hush%3Ahush@", 1)}
			if _, err := open(t, c, proxiedRef, inAddress).Resolve(t.Context(), "v1"); !IsNotFound(err) {
				t.Errorf("with the user in the address: %v", err)
			}
			tc.access.Proxy.Password = "secret-guess"
			_, err := open(t, c, proxiedRef, tc.access).Resolve(t.Context(), "v1")
			if err == nil || !strings.Contains(err.Error(), `" answers 407`) || strings.Contains(err.Error(), "guess") {
				t.Errorf("with a wrong password: %v", err)
			}
		})
	}
}

// NO_PROXY and the rule that nobody asks a proxy for a loopback host are the environment's, not the object's.
func TestProxyOfTheObjectServesLoopbackToo(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	proxy := serveProxy(t, host, "", "")
	access := Access{Proxy: Proxy{Address: proxy.URL}}
	if _, err := open(t, NewClient(Options{}), host.ref("org/app"), access).Resolve(t.Context(), "v1"); !IsNotFound(err) {
		t.Error(err)
	}
	if len(proxy.take()) == 0 {
		t.Error("the proxy was passed by")
	}
}

// A request over plain HTTP is answered by the proxy in the registry's place: that is no answer of the registry.
func TestProxyThatChangesItsMind(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	proxy := serveProxy(t, host, "anna", "hush")
	access := Access{Insecure: true, Proxy: Proxy{Address: proxy.URL, Username: "anna", Password: "hush"}}
	r := open(t, NewClient(Options{}), proxiedRef, access)
	if _, err := r.Resolve(t.Context(), "v1"); !IsNotFound(err) {
		t.Fatal(err)
	}
	proxy.mu.Lock()
	proxy.password = "changed"
	proxy.mu.Unlock()
	if _, err := r.Resolve(t.Context(), "v1"); err == nil || !strings.Contains(err.Error(), `" answers 407`) {
		t.Errorf("got %v", err)
	}
}

func TestBadProxies(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		proxy Proxy
		want  string
	}{
		"no address":   {Proxy{Username: "u"}, "no address"},
		"no scheme":    {Proxy{Address: "u:hush@proxy:3128"}, "form http://host:port"},
		"no URL":       {Proxy{Address: "http://u:hush@proxy:port"}, "form http://host:port"},
		"no host":      {Proxy{Address: "http://u:hush@"}, "form http://host:port"},
		"other scheme": {Proxy{Address: "socks5://u:hush@proxy:1080"}, `"socks5:"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewClient(Options{}).Repository(proxiedRef, Access{Proxy: tc.proxy})
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v, want something with %q and no secret", err, tc.want)
			}
		})
	}
}

func TestProxyThatIsNotThere(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	access := Access{Insecure: true, Proxy: Proxy{Address: gone.URL, Username: "u", Password: "hush"}}
	_, err := open(t, NewClient(Options{}), proxiedRef, access).Resolve(t.Context(), "v1")
	if err == nil || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
}

// environment gives a repository that is reached as it would be where the environment names proxy.
func environment(t *testing.T, ref Reference, a Access, proxy *fakeProxy) *Repository {
	t.Helper()
	c := NewClient(Options{})
	r := open(t, c, ref, a)
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range c.routes.entries {
		kept.Value.(*entry[routeKey, *route]).value.proxyOf = http.ProxyURL(address)
	}
	return r
}

// A proxy resolves names by itself; what can be judged here is judged.
func TestReachBehindProxies(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	all := Reach{Public: true, Private: true, Loopback: true, LinkLocal: true}
	public, none := Reach{Public: true}, netip.Addr{}
	for name, tc := range map[string]struct {
		registry string
		own      bool // the object's proxy, not the environment's
		reach    Reach
		want     *ForbiddenError
	}{
		"environment's, name":          {"registry.test", false, public, nil},
		"environment's, address":       {"169.254.169.254", false, public, &ForbiddenError{"169.254.169.254", netip.MustParseAddr("169.254.169.254")}},
		"environment's, loopback":      {"a.localhost", false, public, &ForbiddenError{"a.localhost", netip.MustParseAddr("127.0.0.1")}},
		"environment's, odd address":   {"127.1:80", false, public, &ForbiddenError{"127.1", none}},
		"environment's, hexadecimal":   {"127.0.0x1:80", false, public, &ForbiddenError{"127.0.0x1", none}},
		"environment's, all allowed":   {"10.0.0.1", false, all, nil},
		"object's, all allowed":        {"10.0.0.1", true, all, nil},
		"object's, where it stands":    {"registry.test", true, public, &ForbiddenError{"127.0.0.1", netip.MustParseAddr("127.0.0.1")}},
		"object's, address behind it":  {"10.0.0.1", true, Reach{Public: true, Loopback: true}, &ForbiddenError{"10.0.0.1", netip.MustParseAddr("10.0.0.1")}},
		"object's, name behind it":     {"registry.test", true, Reach{Loopback: true}, nil},
		"object's, no limit":           {"10.0.0.1", true, Reach{}, nil},
		"environment's, no limit":      {"10.0.0.1", false, Reach{}, nil},
		"environment's, mapped":        {"[::ffff:10.0.0.1]:80", false, public, &ForbiddenError{"::ffff:10.0.0.1", netip.MustParseAddr("::ffff:10.0.0.1")}},
		"environment's, NAT64 of ours": {"[64:ff9b::a00:1]:80", false, public, &ForbiddenError{"64:ff9b::a00:1", netip.MustParseAddr("64:ff9b::a00:1")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := serveProxy(t, host, "", "")
			ref, access := Reference{Registry: tc.registry, Repository: "org/app"}, Access{Insecure: true, Reach: tc.reach}
			var r *Repository
			if tc.own {
				access.Proxy = Proxy{Address: proxy.URL}
				r = open(t, NewClient(Options{}), ref, access)
			} else {
				r = environment(t, ref, access, proxy)
			}
			_, err := r.Resolve(t.Context(), "v1")
			got, _ := errors.AsType[*ForbiddenError](err)
			if tc.want == nil && !IsNotFound(err) || tc.want != nil && (got == nil || *got != *tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}
