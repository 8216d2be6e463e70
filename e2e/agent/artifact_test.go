package agent_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// Media types, as the specifications have them.
const (
	typeManifest    = "application/vnd.oci.image.manifest.v1+json"
	typeIndex       = "application/vnd.oci.image.index.v1+json"
	typeConfig      = "application/vnd.oci.image.config.v1+json"
	typeLayer       = "application/vnd.oci.image.layer.v1.tar+gzip"
	typeFluxLayer   = "application/vnd.cncf.flux.content.v1.tar+gzip"
	typeHelmLayer   = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	typeDocker      = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerList  = "application/vnd.docker.distribution.manifest.list.v2+json"
	typeDockerLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	typeDockerImage = "application/vnd.docker.container.image.v1+json"
)

// descriptor is one of the distribution specification.
type descriptor struct {
	MediaType string            `json:"mediaType"`
	Digest    string            `json:"digest"`
	Size      int               `json:"size"`
	Platform  map[string]string `json:"platform,omitempty"`

	Annotations map[string]string `json:"annotations,omitempty"`
	URLs        []string          `json:"urls,omitempty"`
}

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        *descriptor       `json:"config,omitempty"`
	Layers        []descriptor      `json:"layers,omitempty"`
	Manifests     []descriptor      `json:"manifests,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// content is what a test puts into a registry.
type content struct {
	layers      []layer
	mediaType   string // of the manifest; empty: OCI's
	annotations map[string]string
}

type layer struct {
	mediaType string
	bytes     []byte
}

// pushed is an artifact in a registry.
type pushed struct {
	descriptor
	layers []layer
}

// revision is what a status says of it when it was found by tag.
func (p pushed) revision(tag string) string { return tag + "@" + p.Digest }

// folder is an artifact with one layer of these files.
func folder(files ...string) content {
	return content{layers: []layer{{typeLayer, archive(files...)}}}
}

// archive packs files, a name and a content each, in order.
func archive(files ...string) []byte {
	var raw bytes.Buffer
	z := gzip.NewWriter(&raw)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg})
		io.WriteString(w, files[i+1])
	}
	w.Close()
	z.Close()
	return raw.Bytes()
}

// unpack reads an archive: names and contents.
func unpack(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			files[h.Name] = string(body)
		}
	}
}

// noise is text that does not compress.
func noise(bytes int) string {
	text := make([]byte, bytes)
	for i := range text {
		text[i] = byte(rand.Uint32())
	}
	return string(text)
}

func digestOf(raw []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(raw)) }

// push puts an artifact into a repository by the back door, which nobody counts, and points tags to it.
func push(t testing.TB, reg *registry.Registry, repository string, c content, tags ...string) pushed {
	t.Helper()
	d := &door{t: t, reg: reg, repository: repository}
	config := d.blob(typeConfig, []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`))
	m := manifest{SchemaVersion: 2, MediaType: typeManifest, Config: &config, Annotations: maps.Clone(c.annotations)}
	if c.mediaType != "" {
		m.MediaType = c.mediaType
	}
	for _, l := range c.layers {
		m.Layers = append(m.Layers, d.blob(l.mediaType, l.bytes))
	}
	return pushed{descriptor: d.manifest(m, tags...), layers: slices.Clone(c.layers)}
}

// pushIndex puts an index of artifacts, which are in the repository already.
func pushIndex(t testing.TB, reg *registry.Registry, repository string, children []descriptor, tags ...string) descriptor {
	t.Helper()
	d := &door{t: t, reg: reg, repository: repository}
	return d.manifest(manifest{SchemaVersion: 2, MediaType: typeIndex, Manifests: children}, tags...)
}

// door is a registry's back door.
type door struct {
	t          testing.TB
	reg        *registry.Registry
	repository string
}

func (d *door) blob(mediaType string, raw []byte) descriptor {
	d.t.Helper()
	return d.blobAs(digestOf(raw), mediaType, raw)
}

// blobAs is blob by a digest of another algorithm.
func (d *door) blobAs(digest, mediaType string, raw []byte) descriptor {
	d.t.Helper()
	made := descriptor{MediaType: mediaType, Digest: digest, Size: len(raw)}
	location := d.send(http.MethodPost, "http://"+d.reg.Direct+"/v2/"+d.repository+"/blobs/uploads/", "", nil, http.StatusAccepted)
	d.send(http.MethodPut, location+"&digest="+made.Digest, "application/octet-stream", raw, http.StatusCreated)
	return made
}

// manifest puts a manifest under its digest and under tags.
func (d *door) manifest(m manifest, tags ...string) descriptor {
	d.t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		d.t.Fatal(err)
	}
	made := descriptor{MediaType: m.MediaType, Digest: digestOf(raw), Size: len(raw)}
	for _, reference := range append([]string{made.Digest}, tags...) {
		d.send(http.MethodPut, "http://"+d.reg.Direct+"/v2/"+d.repository+"/manifests/"+reference, m.MediaType, raw, http.StatusCreated)
	}
	return made
}

// send returns the Location of the answer.
func (d *door) send(method, url, mediaType string, body []byte, want int) string {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != want {
		text, _ := io.ReadAll(resp.Body)
		d.t.Fatalf("%s %s: %s: %s", method, url, resp.Status, text)
	}
	return resp.Header.Get("Location")
}

// firstLayer is the digest of a manifest's first layer.
func firstLayer(t *testing.T, reg *registry.Registry, repository, digest string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+reg.Direct+"/v2/"+repository+"/manifests/"+digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", typeManifest)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var m manifest
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil || len(m.Layers) == 0 {
		t.Fatalf("manifest %s: %s, %v, %d layers", digest, resp.Status, err, len(m.Layers))
	}
	return m.Layers[0].Digest
}

// deleteManifest takes a manifest away, and its tags with it.
func deleteManifest(t testing.TB, reg *registry.Registry, repository, digest string) {
	t.Helper()
	d := &door{t: t, reg: reg, repository: repository}
	d.send(http.MethodDelete, "http://"+reg.Direct+"/v2/"+repository+"/manifests/"+digest, "", nil, http.StatusAccepted)
}

// blobPath matches requests for blobs.
var blobPath = regexp.MustCompile(`/blobs/sha256:`)

func compress(raw []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(raw)
	z.Close()
	return b.Bytes()
}
