package registry

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// fakeHost is a registry in memory that records what is asked of it. A middleware may answer first.
type fakeHost struct {
	*httptest.Server
	mu          sync.Mutex
	requests    []string
	connections atomic.Int32
}

func serve(t testing.TB, middleware func(http.Handler) http.Handler) *fakeHost {
	t.Helper()
	h := prepare(middleware)
	h.Start()
	t.Cleanup(h.Close)
	return h
}

// prepare gives a host that is not started yet.
func prepare(middleware func(http.Handler) http.Handler) *fakeHost {
	h := &fakeHost{}
	inner := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	if middleware != nil {
		inner = middleware(inner)
	}
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.requests = append(h.requests, r.Method+" "+r.URL.Path)
		h.mu.Unlock()
		inner.ServeHTTP(w, r)
	}))
	h.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			h.connections.Add(1)
		}
	}
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // the client tries TLS first
	return h
}

// take returns the requests since the last call.
func (h *fakeHost) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	taken := h.requests
	h.requests = nil
	return taken
}

func (h *fakeHost) ref(repository string) Reference {
	return Reference{Registry: h.Listener.Addr().String(), Repository: repository}
}

func open(t testing.TB, c *Client, ref Reference, a Access) *Repository {
	t.Helper()
	r, err := c.Repository(ref, a)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pushed is a small artifact that the repository has, under the tag v1.
type pushed struct {
	manifest, layer ocispec.Descriptor
	raw, content    []byte
}

func push(t testing.TB, r *Repository) pushed {
	t.Helper()
	content := make([]byte, 4096)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	layer := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromBytes(content), Size: int64(len(content))}
	config := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromString("{}"), Size: 2}
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{layer}}
	m.SchemaVersion = 2
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	d := ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	for desc, blob := range map[*ocispec.Descriptor][]byte{&layer: content, &config: []byte("{}")} {
		err := r.PushBlob(t.Context(), *desc, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := r.PushManifest(t.Context(), "v1", d, raw); err != nil {
		t.Fatal(err)
	}
	return pushed{manifest: d, layer: layer, raw: raw, content: content}
}

func readBlob(ctx context.Context, r *Repository, d ocispec.Descriptor) ([]byte, error) {
	body, err := r.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// tokenAuth protects a registry with bearer tokens from /token on the same host. Tokens are good until revoke is called.
type tokenAuth struct {
	mu       sync.Mutex
	issued   int
	valid    map[string]bool
	scopes   []string
	user     string // who may have tokens; empty: everybody
	password string
}

func (a *tokenAuth) revoke() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.valid = map[string]bool{}
}

func (a *tokenAuth) wrap(next http.Handler) http.Handler {
	a.revoke()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			a.issue(w, r)
			return
		}
		a.mu.Lock()
		ok := a.valid[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		a.mu.Unlock()
		if !ok {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="test"`, r.Host))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *tokenAuth) issue(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if user, password, _ := r.BasicAuth(); a.user != "" && (user != a.user || password != a.password) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	a.issued++
	a.scopes = append(a.scopes, r.URL.Query().Get("scope"))
	token := fmt.Sprintf("token-%d", a.issued)
	a.valid[token] = true
	fmt.Fprintf(w, `{"token":%q,"expires_in":300}`, token)
}
