package source

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// A registry that sends other bytes under a digest that is signed, and says of them what makes some clients not look, gets nothing stored.
func TestUnsignedBytesUnderASignedDigest(t *testing.T) {
	t.Parallel()
	for name, reference := range map[string]func(ocispec.Descriptor) *v1.OCIRepositoryRef{
		"tag":    func(ocispec.Descriptor) *v1.OCIRepositoryRef { return &v1.OCIRepositoryRef{Tag: "v1"} },
		"digest": func(d ocispec.Descriptor) *v1.OCIRepositoryRef { return &v1.OCIRepositoryRef{Digest: d.Digest.String()} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSigning(t)
			evil, _ := s.pushLayer("evil", pack(t, map[string]string{"a.yaml": "evil: 1"}), nil)
			raw, _, err := s.repository().Manifest(t.Context(), evil)
			if err != nil {
				t.Fatal(err)
			}
			s.ref.Registry = exchanging(t, s.ref.Registry, s.v1, raw)
			result, failure := s.tag("v1", Advertised{}, mine(s), func(r *Request) { r.Spec.Reference = reference(s.v1) })
			if failure == nil || !strings.Contains(failure.Error(), "another digest") {
				t.Errorf("got %+v, %v", result, failure)
			}
			if kept, err := s.Store.Stat(key, result.Entry.Digest); err == nil {
				t.Errorf("stored %v", kept)
			}
		})
	}
}

// exchanging is a registry that has raw in place of what d describes.
func exchanging(t *testing.T, host string, d ocispec.Descriptor, raw []byte) string {
	t.Helper()
	next := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/manifests/"+d.Digest.String()) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws")
		w.Header().Set("Docker-Content-Digest", d.Digest.String())
		_, _ = w.Write(raw)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}
