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
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// A registry that sends other bytes under a digest that is signed, and says of them what makes some clients not look, gets nothing stored.
func TestUnsignedBytesUnderASignedDigest(t *testing.T) {
	t.Parallel()
	for name, reference := range map[string]func(ocispec.Descriptor) *v1.OCIRepositoryRef{
		"tag": func(ocispec.Descriptor) *v1.OCIRepositoryRef { return &v1.OCIRepositoryRef{Tag: "v1"} },
		"digest": func(d ocispec.Descriptor) *v1.OCIRepositoryRef {
			return &v1.OCIRepositoryRef{Digest: d.Digest.String()}
		},
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

// Whoever may push cannot keep what a revoked key signed: of junk beside the signature it is known that it is none.
func TestJunkKeepsNothing(t *testing.T) {
	t.Parallel()
	const bundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
	for name, junk := range map[string]func(s *signing, d ocispec.Descriptor) ocispec.Descriptor{
		"none":        nil,
		"a size less": func(s *signing, d ocispec.Descriptor) ocispec.Descriptor { d.Size--; return s.referTo(bundle, d) },
		"a size more": func(s *signing, d ocispec.Descriptor) ocispec.Descriptor { d.Size++; return s.referTo(bundle, d) },
		"a large blob": func(s *signing, d ocispec.Descriptor) ocispec.Descriptor {
			large := s.pushBlob(bundle, "", make([]byte, 9<<20))
			large.Size = d.Size
			return s.referTo(bundle, large)
		},
		"nothing there": func(s *signing, d ocispec.Descriptor) ocispec.Descriptor { return d },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSigning(t)
			a := after(s.must("v1", Advertised{}, mine(s)))
			if junk != nil {
				d := junk(s, s.pushBlob(bundle, "", []byte(`{"junk":1}`)))
				index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{d}}
				index.SchemaVersion = 2
				s.pushManifest(registry.FallbackTag(s.v1.Digest), index.MediaType, index)
			}
			_, failure := s.tag("v1", a, yours(s))
			if failure == nil || !failure.Withdraws || failure.Unknown {
				t.Errorf("got %+v", failure)
			}
		})
	}
}

// referTo pushes a manifest with one layer that refers to v1.
func (s *signing) referTo(artifactType string, layer ocispec.Descriptor) ocispec.Descriptor {
	s.t.Helper()
	m := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType, Config: layer, Layers: []ocispec.Descriptor{layer}, Subject: &s.v1,
	}
	m.SchemaVersion = 2
	return s.pushManifest("junk", m.MediaType, m)
}
