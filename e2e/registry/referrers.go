package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
)

// referrers is the referrers API, which distribution lacks: it notes what is pushed with a subject, and lists it. It forgets nothing but
// what is deleted by its digest.
type referrers struct {
	next http.Handler

	mu   sync.Mutex
	list map[place][]ocispec.Descriptor
}

// place is a subject in its repository.
type place struct {
	repository string
	subject    digest.Digest
}

func (f *referrers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch route := proxy.RouteOf(r); {
	case route.Kind == proxy.Referrers && r.Method == http.MethodGet:
		f.answer(w, place{route.Repository, digest.Digest(route.Reference)}, r.URL.Query().Get("artifactType"))
	case route.Kind == proxy.Manifest && r.Method == http.MethodPut:
		f.put(w, r, route.Repository)
	default:
		if route.Kind == proxy.Manifest && r.Method == http.MethodDelete {
			f.forget(route.Repository, digest.Digest(route.Reference))
		}
		f.next.ServeHTTP(w, r)
	}
}

// answer lists what refers to a subject; a type, where one is asked for, is a filter (distribution specification, "Listing referrers").
func (f *referrers) answer(w http.ResponseWriter, p place, kind string) {
	f.mu.Lock()
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: append([]ocispec.Descriptor{}, f.list[p]...)}
	f.mu.Unlock()
	index.SchemaVersion = 2
	if kind != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
		index.Manifests = slices.DeleteFunc(index.Manifests, func(d ocispec.Descriptor) bool { return d.ArtifactType != kind })
	}
	w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
	_ = json.NewEncoder(w).Encode(index) // the client has gone
}

// put notes a manifest that has a subject. It is listed before it is there, and that it was taken is not waited for: what is refused stays
// in the list.
func (f *referrers) put(w http.ResponseWriter, r *http.Request, repository string) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err == nil && m.Subject != nil {
		w.Header().Set("OCI-Subject", m.Subject.Digest.String())
		f.note(place{repository, m.Subject.Digest}, ocispec.Descriptor{
			MediaType: r.Header.Get("Content-Type"), Digest: digest.FromBytes(raw), Size: int64(len(raw)),
			ArtifactType: cmp.Or(m.ArtifactType, m.Config.MediaType), Annotations: m.Annotations,
		})
	}
	f.next.ServeHTTP(w, r)
}

func (f *referrers) note(p place, d ocispec.Descriptor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.ContainsFunc(f.list[p], func(other ocispec.Descriptor) bool { return other.Digest == d.Digest }) {
		f.list[p] = append(f.list[p], d)
	}
}

func (f *referrers) forget(repository string, d digest.Digest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p, list := range f.list {
		if p.repository == repository {
			f.list[p] = slices.DeleteFunc(list, func(other ocispec.Descriptor) bool { return other.Digest == d })
		}
	}
}
