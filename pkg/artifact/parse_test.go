package artifact

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func descriptor(mediaType, content string) string {
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, mediaType, digest.FromString(content), len(content))
}

func manifestJSON(mediaType string, layers ...string) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[%s]}`,
		mediaType, descriptor(ConfigOCI, "{}"), strings.Join(layers, ","))
}

func indexJSON(entries ...string) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, IndexOCI, strings.Join(entries, ","))
}

func TestParseManifest(t *testing.T) {
	t.Parallel()
	good := descriptor(LayerOCI, "layer")
	for name, tt := range map[string]struct {
		raw  string
		want string // in the error; empty: none
	}{
		"oci":                     {manifestJSON(ManifestOCI, good), ""},
		"docker":                  {manifestJSON(ManifestDocker, good, good), ""},
		"no media type":           {manifestJSON("", good), ""},
		"no layer":                {manifestJSON(ManifestOCI), ""},
		"an index":                {indexJSON(), "index"},
		"both":                    {strings.Replace(manifestJSON("", good), "{", `{"manifests":[],`, 1), "index"},
		"other media type":        {manifestJSON("text/plain", good), "text/plain"},
		"docker schema 1":         {`{"schemaVersion":1}`, "schema version"},
		"null":                    {`null`, "schema version"},
		"no JSON":                 {`<html>`, "invalid character"},
		"cut off":                 {manifestJSON(ManifestOCI, good)[:50], "unexpected end"},
		"no config":               {`{"schemaVersion":2,"layers":[]}`, "digest"},
		"sha512 digest":           {manifestJSON(ManifestOCI, strings.Replace(good, "sha256", "sha512", 1)), "digest"},
		"digest climbs":           {manifestJSON(ManifestOCI, `{"mediaType":"a","digest":"sha256:../../etc","size":1}`), "digest"},
		"upper-case digest":       {manifestJSON(ManifestOCI, strings.ToUpper(good)), "digest"},
		"negative size":           {manifestJSON(ManifestOCI, strings.Replace(good, `"size":5`, `"size":-5`, 1)), "negative"},
		"size above 64 bits":      {manifestJSON(ManifestOCI, strings.Replace(good, `"size":5`, `"size":1e30`, 1)), "size"},
		"layer without mediaType": {manifestJSON(ManifestOCI, strings.Replace(good, LayerOCI, "", 1)), "media type"},
		"too large":               {manifestJSON(ManifestOCI, good) + strings.Repeat(" ", MaxManifest), "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := ParseManifest([]byte(tt.raw))
			checkError(t, err, tt.want)
			if (m == nil) != (err != nil) {
				t.Errorf("manifest %v with error %v", m, err)
			}
		})
	}
}

func TestChooseLayer(t *testing.T) {
	t.Parallel()
	raw := manifestJSON(ManifestOCI, descriptor("a", "1"), descriptor("b", "2"), descriptor("b", "3"))
	m, err := ParseManifest([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		manifest  *ocispec.Manifest
		mediaType string
		want      string // contents of the layer
		err       string
	}{
		"first":         {m, "", "1", ""},
		"by media type": {m, "b", "2", ""},
		"prefix only":   {m, "B", "", `"a", "b", "b"`},
		"no layer":      {&ocispec.Manifest{}, "", "", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := ChooseLayer(tt.manifest, tt.mediaType)
			checkError(t, err, tt.err)
			if err == nil && d.Digest != digest.FromString(tt.want) {
				t.Errorf("chose %s, want %s", d.Digest, digest.FromString(tt.want))
			}
		})
	}
}

func TestChoosePlatform(t *testing.T) {
	t.Parallel()
	on := func(content, os, arch string) string {
		return strings.Replace(descriptor(ManifestOCI, content), "}", fmt.Sprintf(`,"platform":{"os":%q,"architecture":%q}}`, os, arch), 1)
	}
	bare := descriptor(ManifestOCI, "bare")
	nested := strings.Replace(on("nested", "linux", "amd64"), ManifestOCI, IndexOCI, 1)
	many := strings.Split(strings.Repeat(on("1", "linux", "arm64")+" ", 20), " ")[:20]
	for name, tt := range map[string]struct {
		entries []string
		want    string
		err     string
	}{
		"linux/amd64":        {[]string{on("1", "linux", "arm64"), on("2", "linux", "amd64"), on("3", "linux", "amd64")}, "2", ""},
		"the only one":       {[]string{on("1", "darwin", "arm64")}, "1", ""},
		"no platform":        {[]string{on("1", "linux", "arm64"), bare, on("2", "linux", "amd64")}, "bare", ""},
		"provenance aside":   {[]string{on("1", "linux", "arm64"), on("2", "unknown", "unknown")}, "1", ""},
		"none fits":          {[]string{on("1", "linux", "arm64"), on("2", "linux", "s390x")}, "", `"linux/arm64", "linux/s390x"`},
		"an index again":     {[]string{nested}, "", "is an index again"},
		"long list is short": {many, "", "12 more"},
		"empty":              {nil, "", "no manifest for any"},
		"provenance only":    {[]string{on("2", "unknown", "unknown")}, "", "no manifest for any"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, err := ParseIndex([]byte(indexJSON(tt.entries...)))
			if err != nil {
				t.Fatal(err)
			}
			d, err := ChoosePlatform(x)
			checkError(t, err, tt.err)
			if err == nil && d.Digest != digest.FromString(tt.want) {
				t.Errorf("chose %s, want %s", d.Digest, digest.FromString(tt.want))
			}
		})
	}
}

func TestParseIndexRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ raw, want string }{
		"a manifest":    {manifestJSON(ManifestOCI, descriptor(LayerOCI, "layer")), "manifest"},
		"media type":    {strings.Replace(indexJSON(), IndexOCI, "a/b", 1), "a/b"},
		"schema":        {`{}`, "schema version"},
		"digest":        {indexJSON(`{"mediaType":"a","digest":"sha256:1","size":1}`), "digest"},
		"too large":     {strings.Repeat(" ", MaxManifest) + indexJSON(), "bytes"},
		"deeply nested": {strings.Repeat(`[`, MaxValues/2), "depth"},
		"many values":   {`{"schemaVersion":2,"manifests":[` + strings.Repeat(`{},`, MaxValues) + `{}]}`, "values"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseIndex([]byte(tt.raw))
			checkError(t, err, tt.want)
		})
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("unexpected error: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got error %v, want one with %q", err, want)
	}
}

// The count is of what lies outside of strings, and never less than what a decoder makes.
func TestValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"1": 1, `[]`: 2, `[1,2]`: 3, `{"a":1}`: 2, `{"a":{"b":[]},"c":2}`: 5, `"[,{"`: 1, `"\"[,{"`: 1, `"\\",[`: 3, "": 1,
	} {
		if got := Values([]byte(text)); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(manifestJSON(ManifestOCI, descriptor(LayerOCI, "layer"))))
	f.Add([]byte(indexJSON(descriptor(ManifestOCI, "m"))))
	f.Add([]byte(`{"schemaVersion":2,"config":{"digest":"sha256:"},"layers":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m, err := ParseManifest(raw); err == nil {
			if d, err := ChooseLayer(m, ""); err == nil && (d.Size < 0 || len(d.Digest.Encoded()) != 64) {
				t.Errorf("chose layer %+v", d)
			}
			if _, err := ParseIndex(raw); err == nil && m.MediaType == "" {
				t.Error("one document is manifest and index")
			}
		}
		if x, err := ParseIndex(raw); err == nil {
			if d, err := ChoosePlatform(x); err == nil && (d.Size < 0 || len(d.Digest.Encoded()) != 64) {
				t.Errorf("chose entry %+v", d)
			}
		}
	})
}
