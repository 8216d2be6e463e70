package agent_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// get asks the agent's file server.
func get(t *testing.T, url string) (*http.Response, []byte) {
	t.Helper()
	resp, body, err := fetch(soon(t), url)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	return resp, body
}

func fetch(ctx context.Context, url string) (*http.Response, []byte, error) {
	return fetchWith(ctx, http.DefaultClient, url)
}

func fetchWith(ctx context.Context, client *http.Client, url string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// unserved says what is wrong with the bytes behind an object that is Ready. One that has another artifact by now, or is gone, needs
// to serve the former no more.
func unserved(t *testing.T, o *v1.OCIRepository) []string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	a := o.Status.Artifact
	resp, body, err := fetch(ctx, a.URL)
	if err == nil && resp.StatusCode == http.StatusOK && digestOf(body) == a.Digest && int64(len(body)) == *a.Size {
		return nil
	}
	now := &v1.OCIRepository{}
	switch gone := control.admin.Get(ctx, client.ObjectKeyFromObject(o), now); {
	case apierrors.IsNotFound(gone):
		return nil
	case gone == nil && (now.Status.Artifact == nil || now.Status.Artifact.URL != a.URL):
		return nil
	}
	return []string{fmt.Sprintf("GET %s: %v, %d bytes with digest %s", a.URL, err, len(body), digestOf(body))}
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

// untilGone waits until the file server has nothing at a URL any more. It asks again and again, since nobody tells.
func untilGone(t *testing.T, url string) {
	t.Helper()
	ctx := soon(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !gone(t, url) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s is still served", url)
		}
	}
}
