package agent_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/tar"
	"github.com/google/go-cmp/cmp"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

func (w row) checkStatus(t *testing.T, s *shelf, o *v1.OCIRepository) {
	t.Helper()
	want, revision := w.want, s.fill(w.revision)
	if len(want.conditions) == 0 {
		want = stored("")
	}
	if revision == "" {
		revision = "v1@" + s.digest
	}
	var got []string
	for _, c := range o.Status.Conditions {
		got = append(got, c.Type+"="+string(c.Status)+" "+c.Reason)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want.conditions, got); diff != "" {
		t.Errorf("conditions (-want +got):\n%s\n%s", diff, messageOf(o))
	}
	if says := messageOf(o); !strings.Contains(says, s.fill(want.says)) {
		t.Errorf("it says %q, want %q", says, want.says)
	}
	exposed := slices.Contains(want.conditions, stored("").conditions[0])
	switch a := o.Status.Artifact; {
	case (a != nil) != exposed:
		t.Errorf("an artifact is advertised: %t", a != nil)
	case a != nil && (a.Revision != revision || !strings.HasPrefix(messageOf(o), "stored artifact for digest '"+revision+"'")):
		t.Errorf("revision %q, want %q; it says %q", a.Revision, revision, messageOf(o))
	}
}

// checkServed reads what is served as kustomize-controller does, with the same code.
func (w row) checkServed(t *testing.T, s *shelf, o *v1.OCIRepository) {
	t.Helper()
	body := download(t, o)
	if asIs := slices.Contains(layersOf(t, s, s.digest), digestOf(body)); asIs != w.asIs {
		t.Errorf("a layer's own bytes are served: %t, want %t", asIs, w.asIs)
	}
	if w.files == "" {
		return
	}
	dir := t.TempDir()
	if err := tar.Untar(bytes.NewReader(body), dir, tar.WithMaxUntarSize(tar.UnlimitedUntarSize)); err != nil {
		t.Fatalf("consumers cannot unpack it: %v", err)
	}
	var files []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	if diff := cmp.Diff(strings.Fields(w.files), files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// layersOf are the digests of all layers of a manifest, or of all manifests in an index.
func layersOf(t *testing.T, s *shelf, digest string) (layers []string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.reg.Direct+"/v2/"+s.repository+"/manifests/"+digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Accept"] = []string{typeManifest, typeIndex, typeDocker, typeDockerList}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var m manifest
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil {
		t.Fatalf("manifest %s: %s, %v", digest, resp.Status, err)
	}
	for _, child := range m.Manifests {
		layers = append(layers, layersOf(t, s, child.Digest)...)
	}
	for _, l := range m.Layers {
		layers = append(layers, l.Digest)
	}
	return layers
}
