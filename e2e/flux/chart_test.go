package flux_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/opencontainers/go-digest"
	"k8s.io/apimachinery/pkg/api/meta"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// Media types of what `helm push` makes.
const (
	typeChart       = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	typeChartConfig = "application/vnd.cncf.helm.config.v1+json"
)

// A HelmRelease's chartRef reads an OCIRepository when its status is about the spec as it is and not Stalled, and takes the body for a
// chart's archive, byte for byte. helm-controller itself is not run: the Go module proxy lacks some of what it is made of.
func TestChart(t *testing.T) {
	t.Parallel()
	r := newRoom(t, whole)
	r.startAgent()
	for _, version := range []string{"1.0.0", "1.1.0+build.5"} {
		chart := chartArchive(t, version)
		tag := map[string]string{"1.0.0": "1.0.0", "1.1.0+build.5": "1.1.0_build.5"}[version] // as helm spells it, for a tag has no +
		r.pushChart(chart, tag)
		r.source("chart-"+tag[:3], v1.OCIRepositoryRef{SemVer: version[:3] + ".x"}, func(o *v1.OCIRepository) {
			o.Spec.LayerSelector = &v1.OCILayerSelector{MediaType: typeChart, Operation: v1.LayerCopy}
		})
		o := until(r.record, "chart-"+tag[:3], "fit for a HelmRelease", func(o *v1.OCIRepository) bool {
			return o.Status.ObservedGeneration == o.Generation && !meta.IsStatusConditionTrue(o.Status.Conditions, v1.ConditionStalled) &&
				o.Status.Artifact != nil
		})
		r.isServed(o, o.Status.Artifact.Revision)
		if body := r.download(o.Status.Artifact.URL); !bytes.Equal(body, chart) {
			t.Errorf("%s: %d bytes, not the chart's %d", version, len(body), len(chart))
		}
	}
}

// chartArchive is a chart as `helm package` makes it.
func chartArchive(t *testing.T, version string) []byte {
	t.Helper()
	text := "apiVersion: v2\nname: app\nversion: " + version + "\n"
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "app/Chart.yaml", Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

// pushChart does what `helm push` does.
func (r *room) pushChart(chart []byte, tag string) {
	r.t.Helper()
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": r.blob(typeChartConfig, []byte(`{"name":"app","apiVersion":"v2"}`)),
		"layers": []descriptor{r.blob(typeChart, chart)},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.send(http.MethodPut, "http://"+bed.Registry.Direct+"/v2/"+r.namespace+"/app/manifests/"+tag, "application/vnd.oci.image.manifest.v1+json", manifest)
}

func (r *room) blob(mediaType string, raw []byte) descriptor {
	r.t.Helper()
	d := descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw).String(), Size: len(raw)}
	location := r.send(http.MethodPost, "http://"+bed.Registry.Direct+"/v2/"+r.namespace+"/app/blobs/uploads/", "", nil)
	r.send(http.MethodPut, location+"&digest="+d.Digest, "application/octet-stream", raw)
	return d
}

// send asks the registry and returns the Location of its answer.
func (r *room) send(method, url, mediaType string, body []byte) string {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		r.t.Fatal(fmt.Errorf("%s %s: %s", method, url, resp.Status))
	}
	return resp.Header.Get("Location")
}
