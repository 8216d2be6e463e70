package agent_test

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// often is an interval for tests in which the agent has to poll by itself: the shortest it allows.
func often() v1.Duration { return v1.Duration{Duration: time.Second} }

// at is a spec for a repository.
func at(reg *registry.Registry, repository string) v1.OCIRepositorySpec {
	return v1.OCIRepositorySpec{URL: "oci://" + reg.Host + "/" + repository}
}

// tagged is a spec for a tag of a repository.
func tagged(reg *registry.Registry, repository, tag string) v1.OCIRepositorySpec {
	spec := at(reg, repository)
	spec.Reference = &v1.OCIRepositoryRef{Tag: tag}
	return spec
}

// All that consumers read, field by field.
func TestStatusTellsEverything(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	annotations := map[string]string{
		"org.opencontainers.image.created":  "2024-05-17T12:00:00Z",
		"org.opencontainers.image.source":   "https://example.com/app.git",
		"org.opencontainers.image.revision": "main@sha1:450796ddb2ab6724ee1cc32a4be56da032d1cca0",
		"note":                              "a=b",
	}
	p := push(t, reg, "org/app", content{annotations: annotations, layers: []layer{
		{"text/plain", []byte("not this one")},
		{typeFluxLayer, archive("app.yaml", "a: 1\n", "notes.md", "# Notes\n")},
	}}, "v1")
	spec := tagged(reg, "org/app", "v1")
	spec.Ignore = new("*.md\n")
	spec.LayerSelector = &v1.OCILayerSelector{MediaType: typeFluxLayer, Operation: v1.LayerExtract}
	start := time.Now().Truncate(time.Second)
	r.create("app", spec)
	o := r.until("app", exposes(p.revision("v1")))
	body := download(t, o)
	if diff := cmp.Diff(map[string]string{"app.yaml": "a: 1\n"}, unpack(t, body)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	size := int64(len(body))
	path := "ocirepository/" + r.namespace + "/app/" + digestOf(body) + ".tar.gz"
	message := "stored artifact for digest 'v1@" + p.Digest + "'"
	want := v1.OCIRepositoryStatus{
		ObservedGeneration: 1,
		Conditions: []metav1.Condition{
			{Type: "Ready", Status: "True", Reason: "Succeeded", Message: message, ObservedGeneration: 1},
			{Type: "ArtifactInStorage", Status: "True", Reason: "Succeeded", Message: message, ObservedGeneration: 1},
		},
		URL: "http://" + shared.Storage + "/ocirepository/" + r.namespace + "/app/latest.tar.gz",
		Artifact: &v1.Artifact{
			Path:     path,
			URL:      "http://" + shared.Storage + "/" + path,
			Revision: "v1@" + p.Digest,
			Digest:   digestOf(body),
			Size:     &size,
			Metadata: map[string]string{"kubectl-oci.dev/source": reg.Host + "/org/app@" + p.Digest},
		},
		ObservedIgnore:        spec.Ignore,
		ObservedLayerSelector: spec.LayerSelector,
	}
	maps.Copy(want.Artifact.Metadata, annotations)
	ignoreTimes := cmp.FilterValues(func(a, b metav1.Time) bool { return a.IsZero() || b.IsZero() }, cmp.Ignore())
	if diff := cmp.Diff(want, o.Status, ignoreTimes); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if at := o.Status.Artifact.LastUpdateTime.Time; at.Before(start) || at.After(time.Now()) {
		t.Errorf("last updated at %v", at)
	}
	if resp, latest := get(t, o.Status.URL); resp.StatusCode != http.StatusOK || digestOf(latest) != o.Status.Artifact.Digest {
		t.Errorf("the newest artifact's address answers %s", resp.Status)
	}
}

// Consumers depend on these headers: Go's HTTP client would inflate a body with a Content-Encoding, and the digest would not match.
func TestDownloadHeaders(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	o := r.until("app", exposes(p.revision("v1")))
	resp, body := get(t, o.Status.Artifact.URL)
	got := map[string]string{}
	for _, name := range []string{"Content-Type", "Content-Encoding", "Etag", "Accept-Ranges"} {
		got[name] = resp.Header.Get(name)
	}
	want := map[string]string{
		"Content-Type": "application/gzip", "Content-Encoding": "", "Etag": `"` + digestOf(body) + `"`, "Accept-Ranges": "bytes",
	}
	if diff := cmp.Diff(want, got); diff != "" || resp.ContentLength != int64(len(body)) {
		t.Errorf("%d bytes, length %d, headers (-want +got):\n%s", len(body), resp.ContentLength, diff)
	}
	if string(body) != string(p.layers[0].bytes) {
		t.Error("the bytes are not the layer's own")
	}
	for _, path := range []string{"/ocirepository/", "/ocirepository/" + r.namespace + "/app/", "/ocirepository/" + r.namespace + "/app"} {
		if !gone(t, "http://"+shared.Storage+path) {
			t.Errorf("%s lists something", path)
		}
	}
}

// One status patch and one event for everything that changes, none for what does not.
func TestWritesOncePerChange(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	spec := tagged(reg, "app", "v1")
	spec.Interval = often()
	r.create("app", spec)
	r.until("app", exposes(first.revision("v1")))
	second := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1")
	r.until("app", exposes(second.revision("v1")))
	broken := reg.Proxy.During(t, proxy.Fault{Method: "HEAD", Status: http.StatusInternalServerError})
	r.until("app", fails(v1.ReasonPullFailed))
	untilHits(t, reg, broken, 4)
	broken.Remove()
	r.until("app", exposes(second.revision("v1")))
	r.untilEvent("app", corev1.EventTypeNormal, v1.ReasonSucceeded, nil)
	want := []string{"Normal NewArtifact", "Normal NewArtifact", "Warning OCIArtifactPullFailed", "Normal Succeeded"}
	if diff := cmp.Diff(want, r.told("app")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if n, versions := control.front.statusPatches(r.namespace, "app"), len(r.history("app")); n != 4 || versions != 5 {
		t.Errorf("4 changes took %d status patches and made %d versions", n, versions)
	}
	if calls := control.front.calls(r.namespace); len(calls) != 8 {
		t.Errorf("4 changes took other requests than a patch and an event each: %v", calls)
	}
}

// untilHits waits until so many requests have met a fault.
func untilHits(t *testing.T, reg *registry.Registry, i *proxy.Injection, n int) {
	t.Helper()
	if _, err := reg.Proxy.Wait(soon(t), func(proxy.Counts) bool { return i.Hits() >= n }); err != nil {
		t.Fatal(err)
	}
}

// Who reads events, a notification service for one, learns from them which artifact it is about.
func TestEventsNameTheArtifact(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	o := r.until("app", exposes(p.revision("v1")))
	annotations := map[string]string{
		"source.toolkit.fluxcd.io/revision": p.revision("v1"),
		"source.toolkit.fluxcd.io/digest":   o.Status.Artifact.Digest,
	}
	e := r.untilEvent("app", corev1.EventTypeNormal, v1.ReasonNewArtifact, nil)
	if diff := cmp.Diff(annotations, e.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if e.Note != messageOf(o) || e.ReportingController != "oci-agent" {
		t.Errorf("%s notes %q", e.ReportingController, e.Note)
	}
	if e.Regarding.UID != o.UID || e.Regarding.Kind != v1.KindOCIRepository || e.Regarding.APIVersion != v1.GroupVersion().String() {
		t.Errorf("it is about %v", e.Regarding)
	}
	broken := reg.Proxy.During(t, proxy.Fault{Method: "HEAD", Status: http.StatusForbidden})
	r.ask("app")
	e = r.untilEvent("app", corev1.EventTypeWarning, v1.ReasonAuthenticationFailed, nil)
	if diff := cmp.Diff(annotations, e.Annotations); diff != "" {
		t.Errorf("annotations of a warning (-want +got):\n%s", diff)
	}
	broken.Remove()
	e = r.untilEvent("app", corev1.EventTypeNormal, v1.ReasonSucceeded, nil)
	if diff := cmp.Diff(annotations, e.Annotations); diff != "" {
		t.Errorf("annotations of a recovery (-want +got):\n%s", diff)
	}
}
