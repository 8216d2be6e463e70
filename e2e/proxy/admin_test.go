package proxy_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
)

// ask sends a request to the admin endpoint, as curl would, and returns the answer.
func ask(t *testing.T, p *proxy.Proxy, method, path string, form url.Values) (int, string) {
	t.Helper()
	request := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	p.Admin().ServeHTTP(w, request)
	return w.Code, w.Body.String()
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	b := serve(t, nil, false, false)
	status, answer := ask(t, b.Proxy, "POST", "/faults", url.Values{
		"method": {"head"}, "path": {"/manifests/"}, "times": {"3"}, "status": {"429"}, "delay": {"1ms"},
		"header": {"Retry-After: 2", "X-Why: test"},
	})
	if status != http.StatusOK {
		t.Fatalf("got %d %s", status, answer)
	}
	response, _ := b.must(t, "HEAD", "/v2/a/manifests/latest", nil)
	if response.StatusCode != 429 || response.Header.Get("Retry-After") != "2" || response.Header.Get("X-Why") != "test" {
		t.Errorf("got %s %v, want the fault", response.Status, response.Header)
	}
	if _, list := ask(t, b.Proxy, "GET", "/faults", nil); !strings.Contains(list, `"hits": 1`) || !strings.Contains(list, `"/manifests/"`) {
		t.Errorf("list of faults: %s", list)
	}
	if status, _ := ask(t, b.Proxy, "DELETE", "/faults/1", nil); status != http.StatusOK || len(b.Faults()) != 0 {
		t.Errorf("got %d and %d faults left", status, len(b.Faults()))
	}
	if status, _ := ask(t, b.Proxy, "DELETE", "/faults/1", nil); status != http.StatusNotFound {
		t.Errorf("got %d for a fault that is gone", status)
	}
	ask(t, b.Proxy, "POST", "/faults", url.Values{"action": {"reset"}, "at": {"9"}})
	if ask(t, b.Proxy, "DELETE", "/faults", nil); len(b.Faults()) != 0 {
		t.Error("faults left after all were deleted")
	}
	var counts proxy.Counts
	if _, content := ask(t, b.Proxy, "GET", "/counts", nil); json.Unmarshal([]byte(content), &counts) != nil {
		t.Errorf("counts are no JSON: %s", content)
	}
	if diff := cmp.Diff(b.Counts(), counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// A field that is misspelt must not become a fault that fails everything.
func TestAdminRefuses(t *testing.T) {
	t.Parallel()
	p := proxy.New(http.NotFoundHandler())
	for _, form := range []string{
		"methd=HEAD&status=500", "path=(", "times=x", "delay=1", "status=x", "at=x", "header=x", "action=x", "status=1",
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := ask(t, p, "POST", "/faults", values); status != http.StatusBadRequest {
			t.Errorf("%s: got %d", form, status)
		}
	}
	if len(p.Faults()) != 0 {
		t.Errorf("%d faults in place", len(p.Faults()))
	}
}
