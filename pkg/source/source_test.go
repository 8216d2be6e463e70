package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// bench is a source, a store and a registry that counts.
type bench struct {
	*Source
	t        *testing.T
	ref      registry.Reference
	requests atomic.Int32
	status   atomic.Int32 // not 0: the registry's answer to everything but a ping
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t}
	inner := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			b.requests.Add(1)
			if status := b.status.Load(); status != 0 {
				w.WriteHeader(int(status))
				return
			}
		}
		inner.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the client tries TLS first
	server.Start()
	t.Cleanup(server.Close)
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b.Source = &Source{Registry: registry.NewClient(registry.Options{}), Store: s}
	b.ref = registry.Reference{Registry: strings.TrimPrefix(server.URL, "http://"), Repository: "org/app"}
	return b
}

func (b *bench) url() string { return registry.Scheme + b.ref.Name() }

func (b *bench) repository() *registry.Repository {
	b.t.Helper()
	r, err := b.Registry.Repository(b.ref, registry.Access{Push: true})
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func blobOf(mediaType string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
}

// pushLayer makes tag name a manifest with one layer and gives both descriptors.
func (b *bench) pushLayer(tag string, content []byte, annotations map[string]string) (manifest, layer ocispec.Descriptor) {
	b.t.Helper()
	layer = blobOf(artifact.LayerOCI, content)
	config := blobOf(artifact.ConfigOCI, []byte("{}"))
	repo := b.repository()
	for _, blob := range [][]byte{content, []byte("{}")} {
		open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil }
		if err := repo.PushBlob(b.t.Context(), blobOf("", blob), open); err != nil {
			b.t.Fatal(err)
		}
	}
	m := ocispec.Manifest{MediaType: artifact.ManifestOCI, Config: config, Layers: []ocispec.Descriptor{layer}, Annotations: annotations}
	m.SchemaVersion = 2
	return b.pushManifest(tag, artifact.ManifestOCI, m), layer
}

func (b *bench) pushManifest(tag, mediaType string, v any) ocispec.Descriptor {
	b.t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		b.t.Fatal(err)
	}
	d := blobOf(mediaType, raw)
	if err := b.repository().PushManifest(b.t.Context(), tag, d, raw); err != nil {
		b.t.Fatal(err)
	}
	return d
}

func pack(t *testing.T, files map[string]string) []byte {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	var out bytes.Buffer
	if _, err := archive.Pack(t.Context(), &out, fsys, archive.PackOptions{}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var key = store.Key{Namespace: "default", Name: "app"}

func (b *bench) run(spec v1.OCIRepositorySpec, a Advertised) (Result, *Error) {
	b.t.Helper()
	if spec.URL == "" {
		spec.URL = b.url()
	}
	result, err := b.Run(b.t.Context(), Request{Key: key, Spec: spec, Advertised: a})
	if err == nil {
		return result, nil
	}
	return result, b.failure(err)
}

func (b *bench) failure(err error) *Error {
	b.t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		b.t.Fatalf("the error is no *Error: %v", err)
	}
	return e
}

func (b *bench) served(e store.Entry) []byte {
	b.t.Helper()
	blob, _, err := b.Store.Open(e.Key, e.Digest)
	if err != nil {
		b.t.Fatal(err)
	}
	defer blob.Close()
	content, err := io.ReadAll(blob)
	if err != nil {
		b.t.Fatal(err)
	}
	return content
}

func byTag(tag string) v1.OCIRepositorySpec {
	return v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{Tag: tag}}
}

// The bytes that were pushed, and perhaps signed, are the bytes that are served.
func TestLayerIsServedAsItIs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	content := pack(t, map[string]string{"a.yaml": "a: 1"})
	manifest, layer := b.pushLayer("v1", content, map[string]string{"k": "v"})
	got, failure := b.run(byTag("v1"), Advertised{})
	if failure != nil {
		t.Fatal(failure)
	}
	if want := "v1@" + manifest.Digest.String(); got.Revision != want {
		t.Errorf("revision %q, want %q", got.Revision, want)
	}
	if got.Entry.Digest != layer.Digest || !bytes.Equal(b.served(got.Entry), content) {
		t.Error("other bytes are served than were pushed")
	}
	want := map[string]string{"k": "v", v1.MetadataSource: b.ref.Name() + "@" + manifest.Digest.String()}
	if diff := cmp.Diff(want, got.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestUnchangedCostsOneRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	manifest, _ := b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	byDigest := v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{Digest: manifest.Digest.String()}}
	for name, tc := range map[string]struct {
		spec v1.OCIRepositorySpec
		want int32
	}{"tag": {byTag("v1"), 1}, "digest": {byDigest, 0}} {
		first, failure := b.run(tc.spec, Advertised{})
		if failure != nil {
			t.Fatal(failure)
		}
		before := b.requests.Load()
		again, failure := b.run(tc.spec, after(first))
		if failure != nil || !again.Unchanged || again.Entry != first.Entry {
			t.Errorf("%s: the second run gives %+v, %v", name, again, failure)
		}
		if n := b.requests.Load() - before; n != tc.want {
			t.Errorf("%s: an unchanged artifact costs %d requests, want %d", name, n, tc.want)
		}
	}
}

// A digest needs no request as long as the object may read it by the same credential.
func TestChangedCredentialIsConfirmed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	manifest, _ := b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	spec := v1.OCIRepositorySpec{URL: b.url(), Reference: &v1.OCIRepositoryRef{Digest: manifest.Digest.String()}}
	first, failure := b.run(spec, Advertised{})
	if failure != nil {
		t.Fatal(failure)
	}
	other := Request{Key: key, Spec: spec, Advertised: after(first),
		Access: registry.Access{Credentials: []registry.Credential{{Username: "u", Password: "p"}}}}
	b.status.Store(http.StatusForbidden)
	if _, err := b.Run(t.Context(), other); err == nil {
		t.Error("a credential that is refused keeps what another one fetched")
	}
	b.status.Store(http.StatusNotFound)
	if _, err := b.Run(t.Context(), other); err == nil {
		t.Error("an artifact that is gone is confirmed")
	}
	b.status.Store(0)
	before := b.requests.Load()
	for range 3 {
		if got, err := b.Run(t.Context(), other); err != nil || !got.Unchanged {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if n := b.requests.Load() - before; n != 1 {
		t.Errorf("a new credential costs %d requests in three runs", n)
	}
}

// after is what a status says after a run, changed.
func after(r Result, changes ...func(*Advertised)) Advertised {
	a := Advertised{Revision: r.Revision, Place: r.Metadata[v1.MetadataSource], Digest: r.Entry.Digest}
	for _, change := range changes {
		change(&a)
	}
	return a
}

func TestWhatMakesAChange(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1", "b.yaml": "b: 1"}), nil)
	first, failure := b.run(byTag("v1"), Advertised{})
	if failure != nil {
		t.Fatal(failure)
	}
	advertised := after(first)
	ignore := "b.yaml"
	for name, tc := range map[string]struct {
		spec       v1.OCIRepositorySpec
		advertised Advertised
	}{
		"ignore":         {v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{Tag: "v1"}, Ignore: &ignore}, advertised},
		"ignore gone":    {byTag("v1"), after(first, func(a *Advertised) { a.Ignore = &ignore })},
		"selector":       {v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{Tag: "v1"}, LayerSelector: &v1.OCILayerSelector{Operation: v1.LayerCopy}}, advertised},
		"not on disk":    {byTag("v1"), after(first, func(a *Advertised) { a.Digest = digest.FromString("gone") })},
		"other place":    {byTag("v1"), after(first, func(a *Advertised) { a.Place = "ghcr.io/" + a.Place })},
		"other revision": {byTag("v1"), after(first, func(a *Advertised) { a.Revision = "v0@" + a.Revision[3:] })},
	} {
		if got, failure := b.run(tc.spec, tc.advertised); failure != nil || got.Unchanged {
			t.Errorf("%s: %+v, %v", name, got, failure)
		}
	}
}

func TestIgnoredFilesAreNotServed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, layer := b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1", "secret.txt": "s"}), nil)
	ignore := "*.txt"
	spec := byTag("v1")
	spec.Ignore = &ignore
	got, failure := b.run(spec, Advertised{})
	if failure != nil {
		t.Fatal(failure)
	}
	dir := t.TempDir()
	if err := archive.Extract(t.Context(), bytes.NewReader(b.served(got.Entry)), dir, archive.Limits{}); err != nil {
		t.Fatal(err)
	}
	if got.Entry.Digest == layer.Digest || bytes.Contains(b.served(got.Entry), []byte("secret")) {
		t.Error("the ignored file is served")
	}
}

func TestLayerSelector(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	content := []byte("no archive at all")
	b.pushLayer("v1", content, nil)
	spec := byTag("v1")
	spec.LayerSelector = &v1.OCILayerSelector{MediaType: artifact.LayerOCI, Operation: v1.LayerCopy}
	got, failure := b.run(spec, Advertised{})
	if failure != nil || !bytes.Equal(b.served(got.Entry), content) {
		t.Errorf("copy: %v", failure)
	}
	spec.LayerSelector = &v1.OCILayerSelector{MediaType: "application/none"}
	if _, failure := b.run(spec, Advertised{}); failure == nil || failure.Reason != v1.ReasonLayerOperationFailed {
		t.Errorf("no such layer: %v", failure)
	}
}

func TestIndexGivesItsLinuxManifest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	other, _ := b.pushLayer("other", pack(t, map[string]string{"other.yaml": "o: 1"}), nil)
	linux, layer := b.pushLayer("linux", pack(t, map[string]string{"linux.yaml": "l: 1"}), nil)
	other.Platform = &ocispec.Platform{OS: "linux", Architecture: "arm64"}
	linux.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
	index := ocispec.Index{MediaType: artifact.IndexOCI, Manifests: []ocispec.Descriptor{other, linux}}
	index.SchemaVersion = 2
	d := b.pushManifest("v1", artifact.IndexOCI, index)
	got, failure := b.run(byTag("v1"), Advertised{})
	if failure != nil {
		t.Fatal(failure)
	}
	if got.Entry.Digest != layer.Digest || got.Revision != "v1@"+d.Digest.String() {
		t.Errorf("revision %q, digest %s", got.Revision, got.Entry.Digest)
	}
}

func TestSemverFollowsTheHighestTag(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, tag := range []string{"1.0.0", "v1.2.0", "1.10.0", "2.0.0", "latest"} {
		b.pushLayer(tag, pack(t, map[string]string{"v.yaml": tag}), nil)
	}
	got, failure := b.run(v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{SemVer: "1.x", Tag: "2.0.0"}}, Advertised{})
	if failure != nil || !strings.HasPrefix(got.Revision, "1.10.0@sha256:") {
		t.Errorf("revision %q, %v", got.Revision, failure)
	}
}

func TestEmptyRefSaysWhatItMeans(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	_, failure := b.run(v1.OCIRepositorySpec{}, Advertised{})
	if failure == nil || !strings.Contains(failure.Error(), "spec.ref is empty, which means the tag latest") {
		t.Errorf("%v", failure)
	}
	if _, failure := b.run(byTag("latest"), Advertised{}); failure == nil || strings.Contains(failure.Error(), "spec.ref") {
		t.Errorf("%v", failure)
	}
}

// Equal bytes are kept once, but only who could fetch them has an entry.
func TestBytesOfAnotherObjectAreNoPermission(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	first, failure := b.run(byTag("v1"), Advertised{})
	if failure != nil {
		t.Fatal(failure)
	}
	b.status.Store(http.StatusForbidden)
	other := store.Key{Namespace: "other", Name: "app"}
	spec := byTag("v1")
	spec.URL = b.url()
	_, err := b.Run(t.Context(), Request{Key: other, Spec: spec, Advertised: after(first)})
	if err == nil {
		t.Error("an object whose credential is refused gets an entry")
	}
	if _, err := b.Store.Stat(other, first.Entry.Digest); err == nil {
		t.Error("the other object's entry exists")
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	small := archive.Limits{Compressed: 10}
	huge := map[string]string{"k": strings.Repeat("v", MaxMetadata)}
	for name, tc := range map[string]struct {
		spec     v1.OCIRepositorySpec
		status   int
		limits   archive.Limits
		reason   string
		terminal bool
		waits    bool // until the next interval
	}{
		"tag in the url":      {spec: v1.OCIRepositorySpec{URL: "oci://ghcr.io/org/app:v1"}, reason: v1.ReasonURLInvalid, terminal: true},
		"digest in the url":   {spec: v1.OCIRepositorySpec{URL: "oci://ghcr.io/org/app@" + digest.FromString("").String()}, reason: v1.ReasonURLInvalid, terminal: true},
		"no registry":         {spec: v1.OCIRepositorySpec{URL: "oci://org/app"}, reason: v1.ReasonURLInvalid, terminal: true},
		"bad digest":          {spec: v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{Digest: "sha256:beef"}}, reason: v1.ReasonReadOperationFailed, terminal: true},
		"bad range":           {spec: v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{SemVer: "one"}}, reason: v1.ReasonReadOperationFailed, terminal: true},
		"bad filter":          {spec: v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{SemVer: "1.x", SemverFilter: "("}}, reason: v1.ReasonReadOperationFailed, terminal: true},
		"long range":          {spec: v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{SemVer: strings.Repeat("1 ", maxExpression)}}, reason: v1.ReasonReadOperationFailed, terminal: true},
		"long filter":         {spec: v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{SemVer: "1.x", SemverFilter: strings.Repeat("1", maxExpression+1)}}, reason: v1.ReasonReadOperationFailed, terminal: true},
		"large filter":        {spec: v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{SemVer: "1.x", SemverFilter: strings.Repeat(".{1000}", 5)}}, reason: v1.ReasonReadOperationFailed, terminal: true},
		"no tag in range":     {spec: v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{SemVer: "9.x"}}, reason: v1.ReasonReadOperationFailed},
		"no such tag":         {spec: byTag("none"), reason: v1.ReasonPullFailed},
		"refused":             {spec: byTag("good"), status: http.StatusUnauthorized, reason: v1.ReasonAuthenticationFailed},
		"forbidden":           {spec: byTag("good"), status: http.StatusForbidden, reason: v1.ReasonAuthenticationFailed},
		"registry in trouble": {spec: byTag("good"), status: http.StatusInternalServerError, reason: v1.ReasonPullFailed},
		"no archive":          {spec: byTag("text"), reason: v1.ReasonLayerOperationFailed, waits: true},
		"nothing left":        {spec: v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{Tag: "good"}, Ignore: new("*")}, reason: v1.ReasonLayerOperationFailed, waits: true},
		"layer too large":     {spec: byTag("good"), limits: small, reason: v1.ReasonLayerOperationFailed, waits: true},
		"many annotations":    {spec: byTag("huge"), reason: v1.ReasonPullFailed, waits: true},
		"no manifest":         {spec: byTag("odd"), reason: v1.ReasonPullFailed, waits: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.Limits = tc.limits
			b.pushLayer("good", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
			b.pushLayer("text", []byte("just text"), nil)
			b.pushLayer("huge", pack(t, map[string]string{"a.yaml": "a: 1"}), huge)
			b.pushManifest("odd", artifact.ManifestOCI, map[string]any{"schemaVersion": 1, "mediaType": artifact.ManifestOCI})
			b.status.Store(int32(tc.status))
			tc.spec.Interval.Duration = time.Hour
			got, failure := b.run(tc.spec, Advertised{})
			if failure == nil {
				t.Fatal("it succeeds")
			}
			if resolved := strings.Contains(got.Revision, "@sha256:"); resolved != tc.waits {
				t.Errorf("what was resolved is told as %q", got.Revision)
			}
			if failure.Condition != v1.ConditionFetchFailed || failure.Reason != tc.reason || failure.Terminal != tc.terminal {
				t.Errorf("%s/%s, terminal %t: %v", failure.Condition, failure.Reason, failure.Terminal, failure)
			}
			if waits := time.Until(failure.RetryAt) > 50*time.Minute; waits != tc.waits {
				t.Errorf("the next try is at %v", failure.RetryAt)
			}
		})
	}
}

func TestRateLimitSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.status.Store(http.StatusTooManyRequests)
	_, failure := b.run(byTag("v1"), Advertised{})
	if failure == nil || failure.Terminal || time.Until(failure.RetryAt) <= 0 {
		t.Errorf("the failure is %+v", failure)
	}
}

func TestStorageFailure(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	b.Store.Close()
	_, failure := b.run(byTag("v1"), Advertised{})
	if failure == nil || failure.Condition != v1.ConditionStorageOperationFailed || failure.Terminal {
		t.Errorf("the failure is %+v", failure)
	}
}
