package flux_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// Whatever form a layer has, kustomize-controller, which reads gzip alone, applies what is in it.
func TestForms(t *testing.T) {
	t.Parallel()
	r := newRoom(t, whole)
	r.startAgent()
	for name, pack := range map[string]func([]byte) []byte{
		"file": func(object []byte) []byte { return object },
		"tar":  func(object []byte) []byte { return bareTar(t, object) },
		"zstd": func(object []byte) []byte { return squeezed(t, bareTar(t, object)) },
		"members": func(object []byte) []byte {
			raw := bareTar(t, object)
			return append(gzipped(t, raw[:600]), gzipped(t, raw[600:])...)
		},
	} {
		revision := name + "@" + r.pushLayer(name, pack([]byte(r.settings(name, "1"))))
		r.source(name, v1.OCIRepositoryRef{Tag: name})
		r.kustomization(name)
		r.untilApplied(name, revision)
		r.untilSettings(name, "1")
	}
}

// pushLayer pushes a layer under a tag as oras does, which calls every file a tar and gives it its name.
func (r *room) pushLayer(tag string, content []byte) (digest string) {
	r.t.Helper()
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer:       static.NewLayer(content, types.OCIUncompressedLayer),
		Annotations: map[string]string{"org.opencontainers.image.title": "settings.yaml"},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := crane.Push(img, r.repository+":"+tag); err != nil {
		r.t.Fatal(err)
	}
	d, err := img.Digest()
	if err != nil {
		r.t.Fatal(err)
	}
	return d.String()
}

func bareTar(t *testing.T, object []byte) []byte {
	t.Helper()
	var raw bytes.Buffer
	w := tar.NewWriter(&raw)
	if err := w.WriteHeader(&tar.Header{Name: "settings.yaml", Mode: 0o644, Size: int64(len(object))}); err != nil {
		t.Fatal(err)
	}
	w.Write(object)
	w.Close()
	return raw.Bytes()
}

func gzipped(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(raw)
	w.Close()
	return b.Bytes()
}

func squeezed(t *testing.T, raw []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(raw, nil)
}
