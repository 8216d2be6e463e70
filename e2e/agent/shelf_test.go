package agent_test

import (
	"archive/tar"
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// shelf is the repository of a row, and what was put there.
type shelf struct {
	*door
	t      *testing.T
	digest string // of what the row is about; most often what the tag v1 points to
	size   int    // of that, in bytes
}

func newShelf(t *testing.T, reg *registry.Registry, repository string) *shelf {
	return &shelf{door: &door{t: t, reg: reg, repository: repository}, t: t}
}

// address is what tools push to: the back door, over plain HTTP.
func (s *shelf) address(tag string) string { return s.reg.Direct + "/" + s.repository + ":" + tag }

// fill puts into a text what is known only now.
func (s *shelf) fill(text string) string {
	return strings.NewReplacer("$DIGEST", s.digest, "$REGISTRY", s.reg.Host, "$REPOSITORY", s.repository).Replace(text)
}

// typeEmpty is the config of what has none, as OCI 1.1 has it.
const typeEmpty = "application/vnd.oci.empty.v1+json"

// put pushes a manifest of OCI with these layers as the tag v1. What it leaves out is filled in.
func (s *shelf) put(m manifest, layers ...descriptor) descriptor {
	s.t.Helper()
	return s.putAs("v1", m, layers...)
}

func (s *shelf) putAs(tag string, m manifest, layers ...descriptor) descriptor {
	s.t.Helper()
	m.SchemaVersion, m.Layers = 2, layers
	if m.MediaType == "" {
		m.MediaType = typeManifest
	}
	if m.Config == nil {
		config := s.blob(typeConfig, []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`))
		m.Config = &config
	}
	d := s.manifest(m, tag)
	s.digest, s.size = d.Digest, d.Size
	return d
}

// layers is an artifact by hand: its layers and no more.
func layers(all ...layer) func(*shelf) {
	return func(s *shelf) {
		var descriptors []descriptor
		for _, l := range all {
			descriptors = append(descriptors, s.blob(l.mediaType, l.bytes))
		}
		s.put(manifest{}, descriptors...)
	}
}

// files is an artifact of OCI with these files in its only layer.
func files(names ...string) func(*shelf) { return layers(layer{typeLayer, compress(tarOf(names...))}) }

// filesAt is files under another tag than v1.
func filesAt(tag string, names ...string) func(*shelf) {
	return func(s *shelf) { s.putAs(tag, manifest{}, s.blob(typeLayer, compress(tarOf(names...)))) }
}

// tarOf packs files and, where a name ends in a slash, folders.
func tarOf(names ...string) []byte {
	var headers []tar.Header
	for _, name := range names {
		headers = append(headers, tar.Header{Name: name})
	}
	return tarOfEntries(headers...)
}

// tarOfEntries packs entries. What they leave out is filled in; files of YAML say their name.
func tarOfEntries(headers ...tar.Header) []byte {
	var raw bytes.Buffer
	w := tar.NewWriter(&raw)
	for _, h := range headers {
		body := contentOf(h.Name)
		switch {
		case h.Typeflag != 0:
			body = ""
		case strings.HasSuffix(h.Name, "/"):
			h.Typeflag, h.Mode, body = tar.TypeDir, 0o755, ""
		default:
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		h.Size = int64(len(body))
		if err := w.WriteHeader(&h); err != nil {
			panic(err)
		}
		w.Write([]byte(body))
	}
	w.Close()
	return raw.Bytes()
}

// contentOf is what a file of this name holds: rules for .sourceignore, else an object.
func contentOf(name string) string {
	if filepath.Base(name) == ".sourceignore" {
		return "drafts/\n*.md\n"
	}
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + strings.ReplaceAll(filepath.Base(name), ".", "-") + "\n"
}

func zstandard(raw []byte, options ...zstd.EOption) []byte {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, options...)
	if err != nil {
		panic(err)
	}
	w.Write(raw)
	w.Close()
	return b.Bytes()
}

// workdir is a folder as somebody has it who pushes from it.
func workdir(t testing.TB, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	content := map[string]string{"archive.tar.gz": string(compress(tarOf("guestbook/", "guestbook/app.yaml")))}
	for _, name := range names {
		content[name] = contentOf(name)
	}
	for _, name := range slices.Sorted(maps.Keys(content)) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
