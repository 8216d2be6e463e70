package registry_test

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

const (
	mediaType = "application/vnd.oci.image.manifest.v1+json"
	layer     = "what the layer holds"
)

// caller sends requests to a registry with the same credentials each time.
type caller struct {
	client        *http.Client
	url           string
	authorization func(*http.Request)
}

func client(t *testing.T, r *registry.Registry) *caller {
	t.Helper()
	transport := r.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	return &caller{client: &http.Client{Transport: transport}, url: r.URL(), authorization: func(*http.Request) {}}
}

func (c caller) basic(name, password string) *caller {
	c.authorization = func(r *http.Request) { r.SetBasicAuth(name, password) }
	return &c
}

func (c caller) bearer(token string) *caller {
	c.authorization = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	return &c
}

func (c caller) at(url string) *caller {
	c.url = url
	return &c
}

// do returns the answer with its body read.
func (c *caller) do(t *testing.T, method, path, content string) (*http.Response, string) {
	t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = c.url + path
	}
	request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(path, "/manifests/") {
		request.Header.Set("Content-Type", mediaType)
		request.Header.Set("Accept", mediaType)
	}
	c.authorization(request)
	response, err := c.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// expect is do that wants a status.
func (c *caller) expect(t *testing.T, status int, method, path, content string) (*http.Response, string) {
	t.Helper()
	response, body := c.do(t, method, path, content)
	if response.StatusCode != status {
		t.Fatalf("%s %s: got %s, want %d; %s", method, path, response.Status, status, body)
	}
	return response, body
}

func digest(s string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s))) }

func manifest() string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%[1]q,`+
		`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%[2]q,"size":%[3]d},`+
		`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%[2]q,"size":%[3]d}]}`,
		mediaType, digest(layer), len(layer))
}

// push uploads the layer and tags a manifest that names it.
func (c *caller) push(t *testing.T, repository, tag string) {
	t.Helper()
	response, _ := c.expect(t, http.StatusAccepted, "POST", "/v2/"+repository+"/blobs/uploads/", "")
	location := response.Header.Get("Location")
	if !strings.HasPrefix(location, c.url+"/") {
		t.Fatalf("upload location %s leads away from %s", location, c.url)
	}
	c.expect(t, http.StatusCreated, "PUT", location+"&digest="+digest(layer), layer)
	c.expect(t, http.StatusCreated, "PUT", "/v2/"+repository+"/manifests/"+tag, manifest())
}

func (c *caller) pull(t *testing.T, repository, tag string) {
	t.Helper()
	response, got := c.expect(t, http.StatusOK, "GET", "/v2/"+repository+"/manifests/"+tag, "")
	if got != manifest() || response.Header.Get("Docker-Content-Digest") != digest(got) {
		t.Errorf("manifest came back as %s with %v", got, response.Header)
	}
	if _, got := c.expect(t, http.StatusOK, "GET", "/v2/"+repository+"/blobs/"+digest(layer), ""); got != layer {
		t.Errorf("layer came back as %q", got)
	}
}

func TestPushPullDelete(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]registry.Options{
		"memory": {}, "folder": {Dir: t.TempDir()}, "tls": {TLS: true}, "http2": {TLS: true, HTTP2: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, registry.For(t, o))
			c.push(t, "org/app", "v1")
			c.pull(t, "org/app", "v1")
			if _, tags := c.expect(t, http.StatusOK, "GET", "/v2/org/app/tags/list", ""); !strings.Contains(tags, `["v1"]`) {
				t.Errorf("tags: %s", tags)
			}
			response, _ := c.expect(t, http.StatusAccepted, "DELETE", "/v2/org/app/manifests/"+digest(manifest()), "")
			if (response.ProtoMajor == 2) != o.HTTP2 {
				t.Errorf("answered over %s", response.Proto)
			}
			c.expect(t, http.StatusNotFound, "GET", "/v2/org/app/manifests/v1", "")
			c.expect(t, http.StatusNotFound, "GET", "/v2/org/app/referrers/"+digest(manifest()), "")
		})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	r := registry.For(t, registry.Options{TLS: true})
	untrusting := &http.Client{Transport: &http.Transport{}}
	if _, err := untrusting.Get(r.URL() + "/v2/"); !errors.As(err, &x509.UnknownAuthorityError{}) {
		t.Errorf("got %v, want an unknown authority", err)
	}
	response, err := untrusting.Get("http://" + r.Host + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP got %s", response.Status)
	}
	client(t, r).expect(t, http.StatusOK, "GET", "/v2/", "")
	if c := r.Proxy.Counts(); c.Handshakes != 2 {
		t.Errorf("got %v, want the handshakes of both clients", c)
	}
}

// The back door is open whatever the authentication, and nothing that comes through it is counted.
func TestDirect(t *testing.T) {
	t.Parallel()
	for _, auth := range []registry.Auth{registry.None, registry.Basic, registry.Token} {
		r := registry.For(t, registry.Options{Auth: auth, TLS: true})
		back := client(t, r).at("http://" + r.Direct)
		back.push(t, "org/app", "v1")
		back.pull(t, "org/app", "v1")
		back.expect(t, http.StatusOK, "GET", "/v2/_catalog", "")
		back.expect(t, http.StatusCreated, "POST", "/v2/org/copy/blobs/uploads/?mount="+digest(layer)+"&from=org/app", "")
		back.expect(t, http.StatusAccepted, "DELETE", "/v2/org/app/manifests/"+digest(manifest()), "")
		if c := r.Proxy.Counts(); len(c.Requests) != 0 || c.Connections != 0 {
			t.Errorf("auth %q: counted %v", auth, c)
		}
	}
}

func TestFolderStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := registry.Start(t.Context(), registry.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	client(t, first).push(t, "org/app", "v1")
	first.Stop()
	client(t, registry.For(t, registry.Options{Dir: dir})).pull(t, "org/app", "v1")
}

func TestStop(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	r, err := registry.Start(t.Context(), registry.Options{Auth: registry.Token})
	if err != nil {
		t.Fatal(err)
	}
	r.Stop()
	for _, address := range []string{r.Host, r.Direct, strings.TrimPrefix(r.Admin, "http://")} {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("%s still accepts connections", address)
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStartRefusesUnknownAuthentication(t *testing.T) {
	t.Parallel()
	if r, err := registry.Start(t.Context(), registry.Options{Auth: "kerberos"}); err == nil {
		r.Stop()
		t.Error("accepted")
	}
}

// Many at once, in one process, do not disturb each other.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	for range 4 {
		r := registry.For(t, registry.Options{Auth: registry.Basic, Users: []registry.User{{Name: "alice", Password: "secret"}}})
		c := client(t, r).basic("alice", "secret")
		group.Go(func() { c.push(t, "org/app", "v1") })
	}
	group.Wait()
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	r := registry.For(t, registry.Options{})
	c := client(t, r)
	c.expect(t, http.StatusOK, "GET", "/v2/", "")
	_, counts := c.expect(t, http.StatusOK, "GET", r.Admin+"/counts", "")
	if !strings.Contains(counts, `"GET ping": 1`) {
		t.Errorf("counts: %s", counts)
	}
	if diff := cmp.Diff(map[string]int{"GET ping": 1}, r.Proxy.Counts().Requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
