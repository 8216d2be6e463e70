package status_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/pkg/status"
)

// answer is what programs read.
type answer struct {
	Instance string
	Leads    bool
	Leader   string
	Store    struct {
		Artifacts int
		Bytes     int64
	}
	Registries []struct{ Host string }
	States     map[string]int
	Matching   int
	Objects    []struct {
		Namespace, Name, URL, State, Signature, Interval, Message string
		LastPoll, NextPoll                                        time.Time
		LastPollAgeSeconds                                        int
	}
	Next string
}

func (a answer) names() (names []string) {
	for _, o := range a.Objects {
		names = append(names, o.Namespace+"/"+o.Name)
	}
	return names
}

func look(a status.Agent) status.Look {
	return func(context.Context) (status.Agent, error) { return a, nil }
}

// ask sends one request to a handler that knows this agent.
func ask(t *testing.T, a status.Agent, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	handler, err := status.NewHandler(look(a))
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost:9091"+target, nil)
	handler.ServeHTTP(recorder, r)
	return recorder
}

func read(t *testing.T, a status.Agent, query string) answer {
	t.Helper()
	got := ask(t, a, http.MethodGet, "/debug/status"+query)
	var found answer
	if err := json.Unmarshal(got.Body.Bytes(), &found); err != nil || got.Code != http.StatusOK {
		t.Fatalf("%d, %v:\n%s", got.Code, err, got.Body)
	}
	return found
}

// fleet is an agent with so many objects in two namespaces, of which every tenth fails.
func fleet(n int) status.Agent {
	a := status.Agent{Instance: "agent-1", Leads: true}
	for i := n - 1; i >= 0; i-- { // in no useful order
		o := status.Object{Namespace: []string{"apps", "infra"}[i%2], Name: fmt.Sprintf("app-%05d", i), State: status.Ready, Signature: status.Verified}
		if i%10 == 0 {
			o.State, o.Message = status.Failing, strings.Repeat("x", 4<<10)
		}
		a.Objects = append(a.Objects, o)
	}
	return a
}

// Thousands of objects: each answer is bounded, and page by page all of them are there, once and in order.
func TestAnswersAreBoundedAndComplete(t *testing.T) {
	t.Parallel()
	const objects = 3000
	a := fleet(objects)
	if size := ask(t, a, http.MethodGet, "/debug/status?limit=500&state=failing").Body.Len(); size > 1<<20 {
		t.Errorf("one answer has %d bytes", size)
	}
	var names []string
	query := "?limit=499"
	for page := 0; ; page++ {
		found := read(t, a, query)
		if found.Matching != objects || found.States["failing"] != objects/10 || len(found.Objects) > 499 {
			t.Fatalf("page %d: %d of %d, %v", page, len(found.Objects), found.Matching, found.States)
		}
		names = append(names, found.names()...)
		if found.Next == "" {
			break
		}
		query = "?limit=499&after=" + found.Next
	}
	if len(names) != objects {
		t.Fatalf("all pages have %d objects", len(names))
	}
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			t.Fatalf("%s comes before %s", names[i-1], names[i])
		}
	}
	if n := len(read(t, a, "").Objects); n != 100 {
		t.Errorf("an answer has %d objects where nobody says how many", n)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]int{
		"?namespace=apps":                20,
		"?namespace=apps&state=failing":  4,
		"?namespace=infra&state=failing": 0,
		"?state=ready":                   36,
		"?namespace=none":                0,
	} {
		found := read(t, fleet(40), query)
		if found.Matching != want || len(found.Objects) != want {
			t.Errorf("%s: %d, %d listed, want %d", query, found.Matching, len(found.Objects), want)
		}
	}
	for _, query := range []string{"?state=happy", "?limit=0", "?limit=501", "?limit=x", "?refresh=1"} {
		if got := ask(t, fleet(1), http.MethodGet, "/debug/status"+query); got.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", query, got.Code)
		}
	}
}

func TestWhatProgramsRead(t *testing.T) {
	t.Parallel()
	polled := time.Now().Add(-90 * time.Second)
	a := status.Agent{
		Instance: "agent-1", Version: "v1.2.3", Leader: "agent-0", Store: status.Store{Artifacts: 3, Bytes: 4096},
		Registries: []status.Registry{{Host: "ghcr.io", Until: polled.Add(time.Hour), Room: 16}},
		Objects: []status.Object{{
			Namespace: "apps", Name: "app", URL: "oci://robot:hunter2@ghcr.io/org/app", State: status.Ready, Signature: status.Verified,
			Interval: 5 * time.Minute, LastPoll: polled, NextPoll: polled.Add(5 * time.Minute),
		}},
	}
	found := read(t, a, "")
	o := found.Objects[0]
	if o.LastPollAgeSeconds < 90 || o.LastPollAgeSeconds > 100 || o.NextPoll.Sub(o.LastPoll) != 5*time.Minute || o.Interval != "5m" {
		t.Errorf("got %+v", o)
	}
	if o.URL != "oci://ghcr.io/org/app" {
		t.Errorf("the URL is %s", o.URL)
	}
	if found.Leads || found.Leader != "agent-0" || found.Store.Bytes != 4096 || found.Registries[0].Host != "ghcr.io" {
		t.Errorf("got %+v", found)
	}
	empty := ask(t, status.Agent{}, http.MethodGet, "/debug/status").Body.String()
	if !strings.Contains(empty, `"objects": []`) || !strings.Contains(empty, `"registries": []`) {
		t.Errorf("lists that are empty are lists:\n%s", empty)
	}
}

// Nobody changes anything here, and nobody's website reads it.
func TestStrangers(t *testing.T) {
	t.Parallel()
	handler, err := status.NewHandler(look(fleet(1)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		method, target string
		want           int
	}{
		{"GET", "http://127.0.0.1:9091/", 200},
		{"GET", "http://[::1]:9091/debug/status", 200},
		{"HEAD", "http://localhost/", 200},
		{"GET", "http://agent-status.oci-system.svc:9091/", 200},
		{"GET", "http://agent.oci-system.svc.cluster.local./", 200},
		{"GET", "http://rebound.example.com:9091/debug/status", 421},
		{"GET", "http://svc.example.com/", 421},
		{"POST", "http://localhost/", 405},
		{"DELETE", "http://localhost/debug/status", 405},
		{"OPTIONS", "http://localhost/debug/status", 405},
		{"GET", "http://localhost/debug/pprof/", 404},
		{"GET", "http://localhost/../debug/status/x", 404},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tc.method, tc.target, nil)
		r.Header.Set("Origin", "https://example.com")
		got := httptest.NewRecorder()
		handler.ServeHTTP(got, r)
		if got.Code != tc.want {
			t.Errorf("%s %s: %d, want %d", tc.method, tc.target, got.Code, tc.want)
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": "", "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
		} {
			if h := got.Header().Get(name); h != want {
				t.Errorf("%s %s: %s is %q", tc.method, tc.target, name, h)
			}
		}
		policy := got.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script") {
			t.Errorf("the policy is %s", policy)
		}
	}
}

// What tenants and registries write is text, wherever it is shown.
func TestHostileText(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>{{.}}` + "\x00\u202e"
	o := status.Object{
		Namespace: evil, Name: evil, URL: "javascript:alert(3)//" + evil, Reference: evil, State: status.Failing, Revision: evil, Signature: status.Refused,
		Reason: evil, Message: evil,
	}
	a := status.Agent{Instance: evil, Version: evil, Leader: evil, Objects: []status.Object{o}, Registries: []status.Registry{{Host: evil}}}
	page := ask(t, a, http.MethodGet, "/").Body.String()
	for _, bad := range []string{"<script", "<img", `"javascript:`, "'javascript:"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if n := strings.Count(page, "&lt;script&gt;"); n < 8 {
		t.Errorf("the page shows %d of the texts", n)
	}
	query := "?namespace=" + strings.NewReplacer(`"`, "%22", "<", "%3C", ">", "%3E", " ", "+", "{", "%7B", "}", "%7D", "\x00", "").Replace(evil)
	if page := ask(t, a, http.MethodGet, "/"+query).Body.String(); strings.Contains(page, "<script") || !strings.Contains(page, "&lt;script&gt;") {
		t.Error("what is asked for is not text")
	}
	if body := ask(t, a, http.MethodGet, "/debug/status"); strings.Contains(body.Body.String(), "<script") || body.Header().Get("Content-Type") != "application/json" {
		t.Error("the JSON can be taken for a page")
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	a := fleet(250)
	a.Registries = []status.Registry{{Host: "docker.io", Pulls: time.Now().Add(time.Hour)}, {Host: "ghcr.io", Busy: 16, Room: 16}}
	first := ask(t, a, http.MethodGet, "/?refresh=10").Body.String()
	for _, part := range []string{
		"(25) OCI agent</title>", `<meta http-equiv="refresh" content="10">`, "100 of 250 objects", "leads</strong>",
		`href="?after=apps%2Fapp-00198&amp;refresh=10"`, `<th scope="row">`, "docker.io</strong> grants no more pulls", "has 16 of 16 requests",
	} {
		if !strings.Contains(first, part) {
			t.Errorf("no %s", part)
		}
	}
	a.Leads, a.Leader = false, "agent-2"
	if second := ask(t, a, http.MethodGet, "/?state=failing").Body.String(); !strings.Contains(second, "agent-2</span> leads") ||
		strings.Contains(second, `http-equiv="refresh"`) || !strings.Contains(second, "25 of 25 objects") {
		t.Error("a replica that stands by shows something else")
	}
}

// An agent that cannot tell yet says so, and readers who wait keep nobody else out for good.
func TestNothingToTell(t *testing.T) {
	t.Parallel()
	handler, err := status.NewHandler(func(context.Context) (status.Agent, error) { return status.Agent{}, errors.New("not all read yet") })
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		got := httptest.NewRecorder()
		handler.ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", nil))
		if diff := cmp.Diff("not all read yet\n", got.Body.String()); got.Code != http.StatusServiceUnavailable || diff != "" {
			t.Errorf("%d: %s", got.Code, diff)
		}
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- status.Serve(ctx, listener, look(fleet(1)), slog.New(slog.DiscardHandler)) }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/debug/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
