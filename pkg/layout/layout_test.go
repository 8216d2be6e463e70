package layout_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/layout"
)

// put writes a layout that holds texts as manifests, each under a name.
func put(t *testing.T, names ...string) (dir string, all []ocispec.Descriptor) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion": "1.0.0"}`))
	index := ocispec.Index{MediaType: artifact.IndexOCI}
	index.SchemaVersion = 2
	for _, name := range names {
		content := []byte("content of " + name)
		d := ocispec.Descriptor{MediaType: artifact.ManifestOCI, Digest: digest.FromBytes(content), Size: int64(len(content))}
		d.Annotations = map[string]string{ocispec.AnnotationRefName: name}
		write(t, blob(dir, d), content)
		all = append(all, d)
	}
	index.Manifests = all
	raw, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "index.json"), raw)
	return dir, all
}

func blob(dir string, d ocispec.Descriptor) string {
	return filepath.Join(dir, "blobs", "sha256", d.Digest.Encoded())
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *layout.Layout {
	t.Helper()
	l, err := layout.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func check(t *testing.T, err error, want string) {
	t.Helper()
	if !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	dir, all := put(t, "v1", "docker.io/org/app:v2", "v3", "v3")
	l := open(t, dir)
	for i, tag := range []string{"v1", "v2"} {
		d, err := l.Resolve(tag)
		if err != nil || d.Digest != all[i].Digest {
			t.Errorf("%s: got %v, %v", tag, d.Digest, err)
		}
	}
	_, err := l.Resolve("v4")
	check(t, err, `resolve "v4" in layout "`+dir+`": file does not exist`)
	_, err = l.Resolve("v3")
	check(t, err, "it names 2 artifacts")
	_, err = l.Resolve("")
	check(t, err, "holds 3 artifacts: say which, as in "+dir+":TAG")
	dir, all = put(t, "v1")
	d, err := open(t, dir).Resolve("")
	if err != nil || d.Digest != all[0].Digest {
		t.Errorf("got %v, %v", d.Digest, err)
	}
}

// content reads d both ways, which must agree.
func content(t *testing.T, l *layout.Layout, d ocispec.Descriptor) (string, error) {
	t.Helper()
	raw, mediaType, err := l.Manifest(t.Context(), d)
	var b bytes.Buffer
	copyErr := l.CopyBlob(t.Context(), d, func() io.Writer { return &b })
	if (err == nil) != (copyErr == nil) || err == nil && (mediaType != d.MediaType || b.String() != string(raw)) {
		t.Errorf("manifest %q, %v; blob %q, %v", raw, err, b.String(), copyErr)
	}
	return string(raw), copyErr
}

func TestContent(t *testing.T) {
	t.Parallel()
	dir, all := put(t, "v1", "v2", "v3", "v4", "v5")
	l := open(t, dir)
	if got, err := content(t, l, all[0]); err != nil || got != "content of v1" {
		t.Errorf("got %q, %v", got, err)
	}
	write(t, blob(dir, all[0]), []byte("content of vX"))
	_, err := content(t, l, all[0])
	check(t, err, "another digest")
	write(t, blob(dir, all[1]), []byte("content of v2, and more"))
	_, err = content(t, l, all[1])
	check(t, err, "its size is not what its descriptor says")

	outside := filepath.Join(t.TempDir(), "secret")
	write(t, outside, []byte("content of v3"))
	os.Remove(blob(dir, all[2]))
	if err := os.Symlink(outside, blob(dir, all[2])); err != nil {
		t.Fatal(err)
	}
	_, err = content(t, l, all[2])
	check(t, err, "escapes")
	os.Remove(blob(dir, all[3]))
	if err := os.Mkdir(blob(dir, all[3]), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = content(t, l, all[3])
	check(t, err, "no regular file")
	os.Remove(blob(dir, all[4]))
	_, err = content(t, l, all[4])
	check(t, err, "no such file")
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ file, text, want string }{
		"another version": {"oci-layout", `{"imageLayoutVersion": "2.0.0"}`, `version "2.0.0" is not 1.0.0`},
		"no JSON":         {"oci-layout", `x`, "parse oci-layout"},
		"no index":        {"index.json", `{"schemaVersion": 1}`, "schema version 1 is not 2"},
		"a way out":       {"index.json", `{"schemaVersion": 2, "manifests": [{"mediaType": "a", "digest": "sha256:../../x"}]}`, "digest"},
		"too large":       {"index.json", strings.Repeat(" ", artifact.MaxManifest+1), "more than 4194304 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, _ := put(t)
			write(t, filepath.Join(dir, test.file), []byte(test.text))
			_, err := layout.Open(dir)
			check(t, err, test.want)
		})
	}
	dir := t.TempDir()
	if layout.Is(dir) {
		t.Error("an empty folder is none")
	}
	_, err := layout.Open(dir)
	check(t, err, "open oci-layout: ")
}
