package registry

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestClasses(t *testing.T) {
	t.Parallel()
	for want, addresses := range map[class]string{
		public:    "8.8.8.8 172.32.0.1 100.128.0.1 2606:4700::1111 64:ff9b::808:808 2002:808:808::1 ::ffff:8.8.8.8",
		private:   "10.1.2.3 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 fd12::1 fc00::1 ::ffff:10.0.0.1 64:ff9b::a00:1 64:ff9b:1::1 2002:a00:1::1 ::10.0.0.1 ::ffff:0:10.0.0.1",
		loopbacks: "127.0.0.1 127.255.255.255 ::1 0.0.0.0 :: ::ffff:127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::",
		linkLocal: "169.254.169.254 fe80::1 fe80::1%eth0 fd00:ec2::254 100.100.100.200 168.63.129.16 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1 224.0.0.1 ff02::1 255.255.255.255 0.1.2.3",
	} {
		for a := range strings.FieldsSeq(addresses) {
			if got := classOf(netip.MustParseAddr(a)); got != want {
				t.Errorf("%s is taken for %s, not %s", a, got, want)
			}
		}
	}
}

// Wherever a registry leads, the connection is what is judged, not the name.
func TestReach(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, nil)
	moved := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://localhost:"+port(t, elsewhere)+r.URL.Path, http.StatusTemporaryRedirect)
	}
	for _, tc := range []struct {
		name  string
		reach Reach
		want  bool
	}{
		{"anywhere", Reach{}, true},
		{"loopback allowed", Reach{Loopback: true}, true},
		{"loopback forbidden", Reach{Public: true, Private: true, LinkLocal: true}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, intercept(http.MethodHead, "/org/moved/", always, moved))
			for _, repository := range []string{"org/app", "org/moved"} {
				ref := Reference{Registry: "localhost:" + port(t, host), Repository: repository}
				_, err := open(t, NewClient(Options{}), ref, Access{Reach: tc.reach}).Resolve(t.Context(), "v1")
				forbidden, ok := errors.AsType[*ForbiddenError](err)
				switch {
				case tc.want && !IsNotFound(err):
					t.Errorf("%s: %v", ref, err)
				case !tc.want && (!ok || forbidden.Host != "localhost" || !forbidden.Address.IsLoopback()):
					t.Errorf("%s: got %v", ref, err)
				case !tc.want && (!strings.Contains(err.Error(), "administrator") || !strings.Contains(err.Error(), "loopback")):
					t.Errorf("the error says neither who decides nor what is forbidden: %v", err)
				}
			}
		})
	}
}

// A token service and a redirect are reached as the registry is: over its connections, and no farther.
func TestReachCoversWhereTheRegistryLeads(t *testing.T) {
	t.Parallel()
	const there = "192.0.2.1" // reserved for documentation: public, and nobody's
	realm := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+there+`/token",service="test"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
	redirect := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+there+"/latest", http.StatusTemporaryRedirect)
	}
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"token service": intercept(http.MethodGet, "/v2/", always, realm),
		"manifest":      intercept(http.MethodHead, "/manifests/", always, redirect),
		"blob":          intercept(http.MethodGet, "/blobs/", always, redirect),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, wrap)
			access := Access{Insecure: true, Reach: Reach{Loopback: true}}
			r := open(t, NewClient(Options{}), host.ref("org/app"), access)
			_, err := r.Resolve(t.Context(), "v1")
			if name == "blob" {
				_, err = readBlob(t.Context(), r, ocispec.Descriptor{Digest: digest.FromString(""), Size: 1})
			}
			want := ForbiddenError{there, netip.MustParseAddr(there)}
			if forbidden, ok := errors.AsType[*ForbiddenError](err); !ok || *forbidden != want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func port(t testing.TB, h *fakeHost) string {
	t.Helper()
	_, port := splitPort(h.Listener.Addr().String())
	return port
}
