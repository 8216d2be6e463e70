package agent_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// overview is what /debug/status tells programs.
type overview struct {
	Leads      bool
	Leader     string
	Store      struct{ Artifacts, Bytes int }
	Registries []struct {
		Host  string
		Until time.Time
	}
	States  map[string]int
	Objects []struct {
		Namespace, Name, State, Revision, Signature, Reason, Message string
		LastPoll, NextPoll                                           time.Time
	}
}

// runWithPage starts an agent that shows its status at the address.
func runWithPage(t *testing.T, o agentOptions) (a *agent, address string) {
	t.Helper()
	address, err := product.FreeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(address, ":")
	o.Args = append(o.Args, "--status-addr=:"+port) // which is on loopback
	return runAgent(t, o), address
}

func lookAt(t *testing.T, address string) (found overview) {
	t.Helper()
	resp, body := get(t, "http://"+address+"/debug/status")
	if err := json.Unmarshal(body, &found); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v\n%s", resp.Status, err, body)
	}
	return found
}

// What the agent polls, when, and what is wrong, under the shipped rights alone; and of two replicas, which one knows.
func TestStatusPageTellsWhatIsPolled(t *testing.T) {
	t.Parallel()
	holdElection(t)
	r := newShard(t, "overview")
	first, address := runWithPage(t, agentOptions{Shard: "overview", Args: electing()})
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	r.create("gone", tagged(reg, "app", "v9"))
	r.until("app", exposes(p.revision("v1")))
	r.until("gone", fails(v1.ReasonPullFailed))
	reg.Proxy.During(t, proxy.Fault{Path: regexp.MustCompile(`/manifests/v9$`), Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"600"}}})

	found := lookAt(t, address)
	for ctx := soon(t); len(found.Registries) == 0 || len(found.Objects) != 2 || found.Objects[0].LastPoll.IsZero(); found = lookAt(t, address) {
		if ctx.Err() != nil {
			t.Fatalf("got %+v", found)
		}
	}
	if !found.Leads || found.Leader == "" || found.Store.Artifacts != 1 || found.Store.Bytes == 0 || found.States["ready"] != 1 || found.States["failing"] != 1 {
		t.Errorf("got %+v", found)
	}
	app, gone := found.Objects[0], found.Objects[1]
	if app.Name != "app" || app.State != "ready" || app.Revision != p.revision("v1") || app.Message != "" || app.Signature != "not required" {
		t.Errorf("got %+v", app)
	}
	if wait := app.NextPoll.Sub(app.LastPoll); wait < 50*time.Minute || wait > 70*time.Minute {
		t.Errorf("an object of every hour is polled again after %s", wait)
	}
	if gone.State != "failing" || gone.Reason != v1.ReasonPullFailed || gone.Message == "" {
		t.Errorf("got %+v", gone)
	}
	if host := found.Registries[0].Host; host != reg.Host || time.Until(found.Registries[0].Until) < 5*time.Minute {
		t.Errorf("got %+v", found.Registries)
	}
	_, page := get(t, "http://"+address+"/?namespace="+r.namespace)
	for _, part := range []string{"2 of 2 objects in namespace " + r.namespace, `<span class="state failing">`, reg.Host, "leads</strong>"} {
		if !strings.Contains(string(page), part) {
			t.Errorf("the page has no %s", part)
		}
	}
	if n := first.metric(t, "oci_agent_registries_in_trouble", ""); n != 1 {
		t.Errorf("the metric counts %v registries in trouble", n)
	}

	_, other := runWithPage(t, agentOptions{Shard: "overview", Args: electing()})
	if second := lookAt(t, other); second.Leads || second.Leader != found.Leader || len(second.Objects) != 2 || !second.Objects[0].LastPoll.IsZero() {
		t.Errorf("the replica that stands by tells %+v", second)
	}
}

// Nobody gets a page that nobody asked for, and none where artifacts are served or metrics are read.
func TestNoStatusElsewhere(t *testing.T) {
	t.Parallel()
	for _, address := range []string{shared.Storage, shared.Metrics, shared.Health} {
		if resp, body := get(t, "http://"+address+"/debug/status"); resp.StatusCode == http.StatusOK {
			t.Errorf("%s shows %s", address, body)
		}
	}
}
