package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// claiming answers with raw, and says what its digest is and what it is.
func claiming(mediaType string, d ocispec.Descriptor, raw []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Docker-Content-Digest", d.Digest.String())
		_, _ = w.Write(raw)
	}
}

// What was asked for by digest has it, whatever the registry says of other bytes; the types are those for which some clients believe it.
func TestNoHeaderSaysWhatBytesAre(t *testing.T) {
	t.Parallel()
	for _, mediaType := range []string{
		"application/vnd.docker.distribution.manifest.v1+prettyjws", "application/vnd.docker.distribution.manifest.v1+json",
		artifact.ManifestOCI, artifact.ManifestDocker, "text/html", "",
	} {
		t.Run(mediaType, func(t *testing.T) {
			t.Parallel()
			var good, index, evil pushed
			var whole []byte // of index
			host := serve(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, good.manifest.Digest.String()) {
						claiming(mediaType, good.manifest, evil.raw)(w, r)
						return
					}
					next.ServeHTTP(w, r)
				})
			})
			r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
			good.manifest.Digest = "none yet"
			evil, index = push(t, r), push(t, r)
			good = push(t, r)
			index.manifest, whole = indexOf(t, good.manifest)
			if err := r.PushManifest(t.Context(), "index", index.manifest, whole); err != nil {
				t.Fatal(err)
			}
			for name, d := range map[string]ocispec.Descriptor{
				"descriptor": good.manifest, "digest alone": {Digest: good.manifest.Digest}, "child": index.manifest,
			} {
				m, err := r.ImageManifest(t.Context(), d)
				if _, ok := errors.AsType[*DigestError](err); !ok || isUnusable(err) {
					t.Errorf("%s: got %v, %v", name, m, err)
				}
			}
		})
	}
}

func indexOf(t *testing.T, members ...ocispec.Descriptor) (ocispec.Descriptor, []byte) {
	t.Helper()
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: members}
	index.SchemaVersion = 2
	raw, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	return ocispec.Descriptor{MediaType: index.MediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}, raw
}

// Where a registry refuses HEAD, what it sends in its place is what counts, not what it says of that.
func TestHeadersSayNothingInPlaceOfHead(t *testing.T) {
	t.Parallel()
	var answer http.HandlerFunc
	refuse := intercept(http.MethodHead, "/manifests/", always, status405)
	host := serve(t, func(next http.Handler) http.Handler {
		return refuse(intercept(http.MethodGet, "/manifests/", always, func(w http.ResponseWriter, r *http.Request) { answer(w, r) })(next))
	})
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
	good, evil := push(t, r), push(t, r)
	answer = claiming("application/vnd.docker.distribution.manifest.v1+prettyjws", good.manifest, evil.raw)
	if d, err := r.Resolve(t.Context(), "v1"); err != nil || d.Digest != evil.manifest.Digest {
		t.Errorf("resolve: got %v, %v", d, err)
	}
	exists, err := r.Exists(t.Context(), good.manifest.Digest)
	if _, ok := errors.AsType[*DigestError](err); exists || !ok {
		t.Errorf("exists: got %t, %v", exists, err)
	}
}

// A digest that we cannot hash is no digest.
func TestDigestsThatAreNone(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{})
	for _, d := range []ocispec.Descriptor{{}, {Digest: "sha256:1"}, {Digest: "sha512:" + ocispec.Descriptor{}.Digest}, {Digest: "../x"}} {
		_, _, err := r.Manifest(t.Context(), d)
		_, blobErr := r.Blob(t.Context(), d)
		for _, err := range []error{err, blobErr} {
			if err == nil || !strings.Contains(err.Error(), "no sha256 digest") {
				t.Errorf("%q: got %v", d.Digest, err)
			}
		}
	}
	if asked := host.take(); len(asked) > 0 {
		t.Errorf("asked %q", asked)
	}
}

// A registry leads nobody into the network that the client is in.
func TestRedirects(t *testing.T) {
	t.Parallel()
	bounded := Reach{Public: true, Loopback: true}
	for name, test := range map[string]struct {
		to    string
		reach Reach
		want  string
	}{
		"metadata":            {"https://169.254.169.254/latest", Reach{}, "no public address"},
		"private":             {"https://10.0.0.1/", Reach{}, "no public address"},
		"spelt otherwise":     {"https://0x7f.1/", Reach{}, "no public address"},
		"loopback":            {"https://[::1]/", Reach{}, "no public address"},
		"metadata, forbidden": {"https://169.254.169.254/latest", bounded, "does not allow connections to link-local addresses"},
		"private, forbidden":  {"https://10.0.0.1/", bounded, "does not allow connections to private addresses"},
		"loopback, permitted": {"https://localhost:1/", bounded, "localhost:1"},
		"round and round":     {"/again", Reach{}, "more than 10 redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodGet && r.URL.Path != "/v2/" {
						http.Redirect(w, r, test.to, http.StatusTemporaryRedirect)
						return
					}
					next.ServeHTTP(w, r)
				})
			})
			r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true, Reach: test.reach})
			p := push(t, r)
			_, _, err := r.Manifest(t.Context(), p.manifest)
			_, blobErr := r.Blob(t.Context(), p.layer)
			for _, err := range []error{err, blobErr} {
				_, forbidden := errors.AsType[*ForbiddenError](err)
				if err == nil || !strings.Contains(fmt.Sprint(err), test.want) || forbidden != strings.HasSuffix(name, ", forbidden") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}
