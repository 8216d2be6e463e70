package registry_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// What refers to a manifest is listed where the registry can, until it is deleted.
func TestReferrers(t *testing.T) {
	t.Parallel()
	c := client(t, registry.For(t, registry.Options{Referrers: true}))
	c.push(t, "org/app", "v1")
	subject := digest(manifest())
	list := "/v2/org/app/referrers/" + subject
	if _, body := c.expect(t, http.StatusOK, "GET", list, ""); !strings.Contains(body, `"manifests":[]`) {
		t.Errorf("nothing refers to it: %s", body)
	}
	referrer := strings.Replace(manifest(), `"config"`, fmt.Sprintf(
		`"artifactType":"a/b","annotations":{"c":"d"},"subject":{"mediaType":%q,"digest":%q,"size":3},"config"`, mediaType, subject), 1)
	for range 2 {
		response, _ := c.expect(t, http.StatusCreated, "PUT", "/v2/org/app/manifests/"+digest(referrer), referrer)
		if got := response.Header.Get("OCI-Subject"); got != subject {
			t.Errorf("OCI-Subject is %q", got)
		}
	}
	for query, want := range map[string]bool{"": true, "?artifactType=a/b": true, "?artifactType=b": false} {
		response, body := c.expect(t, http.StatusOK, "GET", list+query, "")
		one := strings.Count(body, digest(referrer)) == 1 && strings.Contains(body, `"artifactType":"a/b"`) && strings.Contains(body, `"c":"d"`)
		if one != want || (response.Header.Get("OCI-Filters-Applied") != "") != (query != "") {
			t.Errorf("%q lists %s", query, body)
		}
	}
	c.expect(t, http.StatusAccepted, "DELETE", "/v2/org/app/manifests/"+digest(referrer), "")
	if _, body := c.expect(t, http.StatusOK, "GET", list, ""); !strings.Contains(body, `"manifests":[]`) {
		t.Errorf("deleted: %s", body)
	}
}
