package agent_test

import (
	"io"
	"net/http"
	"testing"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// get asks the agent's file server.
func get(t *testing.T, url string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(soon(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	return resp, body
}

// download fetches what an object advertises as a consumer does, and holds it to what the status says.
func download(t *testing.T, o *v1.OCIRepository) []byte {
	t.Helper()
	a := o.Status.Artifact
	resp, body := get(t, a.URL)
	if resp.StatusCode != http.StatusOK || digestOf(body) != a.Digest || int64(len(body)) != *a.Size {
		t.Fatalf("GET %s: %s, %d bytes with digest %s; the status says %d with %s",
			a.URL, resp.Status, len(body), digestOf(body), *a.Size, a.Digest)
	}
	return body
}

// gone tells whether the file server has nothing at a URL.
func gone(t *testing.T, url string) bool {
	t.Helper()
	resp, _ := get(t, url)
	return resp.StatusCode == http.StatusNotFound
}
