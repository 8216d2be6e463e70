package agent_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// told is what notification-controller reads of a posted event to find the alerts that ask for it.
type told struct {
	InvolvedObject struct{ APIVersion, Kind, Namespace, Name string }
	Severity       string
	Reason         string
	Metadata       map[string]string
}

// Events are posted as Flux's controllers post them, also those of the last moment.
func TestEventsArePosted(t *testing.T) {
	t.Parallel()
	posted := make(chan told, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var event told
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			t.Error(err)
		}
		posted <- event
	}))
	t.Cleanup(receiver.Close)
	r := newShard(t, "posted")
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	running := runAgent(t, agentOptions{Shard: "posted", Args: []string{"--events-addr=" + receiver.URL + "/"}})
	r.create("app", tagged(reg, "app", "v1"))
	o := r.until("app", exposes(p.revision("v1")))
	next := func(severity, reason string) {
		t.Helper()
		want := told{Severity: severity, Reason: reason, Metadata: map[string]string{
			"source.toolkit.fluxcd.io/revision": p.revision("v1"), "source.toolkit.fluxcd.io/digest": o.Status.Artifact.Digest,
		}}
		want.InvolvedObject.APIVersion, want.InvolvedObject.Kind = "source.toolkit.fluxcd.io/v1", "OCIRepository"
		want.InvolvedObject.Namespace, want.InvolvedObject.Name = r.namespace, "app"
		select {
		case got := <-posted:
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		case <-soon(t).Done():
			t.Fatalf("nothing is posted of %s", reason)
		}
	}
	next("info", v1.ReasonNewArtifact)
	broken := reg.Proxy.During(t, proxy.Fault{Method: "HEAD", Status: http.StatusForbidden})
	r.ask("app")
	next("error", v1.ReasonAuthenticationFailed)
	broken.Remove()
	r.ask("app")
	r.until("app", exposes(p.revision("v1")))
	running.terminate(t)
	next("info", v1.ReasonSucceeded)
}
