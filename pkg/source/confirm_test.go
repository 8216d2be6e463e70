package source

import (
	"net/http"
	"testing"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// What arrived whole and is of no use is not downloaded at every interval: not before the artifact, the way to it or what is to be made
// of it changes.
func TestUnusableArtifactIsFetchedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", []byte("just text"), nil)
	req := Request{Key: key, Spec: byTag("v1")}
	req.Spec.URL, req.Spec.Interval.Duration = b.url(), time.Hour
	run := func() (requests int32, failure string) {
		before := b.requests.Load()
		result, err := b.Run(t.Context(), req)
		if err == nil {
			return b.requests.Load() - before, ""
		}
		if e := b.failure(err); result.Revision == "" || e.Reason != v1.ReasonLayerOperationFailed || time.Until(e.RetryAt) < 50*time.Minute {
			t.Errorf("revision %q, failure %+v", result.Revision, e)
		}
		return b.requests.Load() - before, err.Error()
	}
	_, first := run()
	if n, again := run(); n != 1 || first == "" || again != first {
		t.Errorf("the second run costs %d requests and says %q, the first %q", n, again, first)
	}
	for name, change := range map[string]func(){
		"ignore rules": func() { req.Spec.Ignore = new("*.md") },
		"selector":     func() { req.Spec.LayerSelector = &v1.OCILayerSelector{} },
		"credential":   func() { req.Access.Credentials = []registry.Credential{{Username: "u", Password: "p"}} },
	} {
		change()
		if n, _ := run(); n < 2 {
			t.Errorf("%s changed: %d requests", name, n)
		}
		if n, _ := run(); n != 1 {
			t.Errorf("%s unchanged: %d requests", name, n)
		}
	}
	b.status.Store(http.StatusBadGateway)
	if _, err := b.Run(t.Context(), req); err == nil || b.failure(err).Reason != v1.ReasonPullFailed {
		t.Errorf("registry in trouble: %v", err)
	}
	b.status.Store(0)
	if n, _ := run(); n != 1 {
		t.Errorf("after trouble: %d requests", n)
	}
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	if _, failure := run(); failure != "" {
		t.Error(failure)
	}
}
