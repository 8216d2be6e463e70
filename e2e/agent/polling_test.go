package agent_test

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

const (
	usualObjects = 50
	workers      = 10
	rounds       = 4
)

// Polling what does not change costs one HEAD each: no other request to the registry, no connection, and no write to Kubernetes.
func TestPollingCostsOneHead(t *testing.T) {
	t.Parallel()
	t.Run("anonymous", func(t *testing.T) {
		t.Parallel()
		testPolling(t, "polling-anonymous", registry.Options{}, nil)
	})
	t.Run("token", func(t *testing.T) {
		if *objects > usualObjects {
			t.Skip("one measurement at a time: this one is without tokens")
		}
		t.Parallel()
		testPolling(t, "polling-token", registry.Options{Auth: registry.Token, Users: []registry.User{alice}}, nil)
	})
	t.Run("signed", func(t *testing.T) {
		if *objects > usualObjects {
			t.Skip("one measurement at a time: this one is without signatures")
		}
		t.Parallel()
		testPolling(t, "polling-signed", registry.Options{}, new(newSigner(t)))
	})
}

// testPolling has objects that trust nobody but the signer, where there is one.
func testPolling(t *testing.T, shard string, o registry.Options, by *signer) {
	r := newShard(t, shard)
	reg := registry.For(t, o)
	spec := v1.OCIRepositorySpec{Interval: v1.Duration{Duration: cmp.Or(*interval, time.Second)}}
	read := "" // a Secret, for each poll
	if o.Auth != registry.None {
		spec.SecretRef = r.pullSecret("regcred", reg.Host, alice.Name, alice.Password)
		read = "GET /secrets/regcred"
	}
	if by != nil {
		spec.Verify = &v1.Verification{Provider: v1.VerifyCosign, SecretRef: r.trusts(*by)}
		read = "GET /secrets/keys"
	}
	names := make([]string, *objects)
	for i := range names {
		names[i] = fmt.Sprintf("app-%d", i)
		p := push(t, reg, "org/"+names[i], folder("a.yaml", names[i]), "v1")
		if by != nil {
			by.sign(t, reg, "org/"+names[i], p.descriptor)
		}
		spec.URL, spec.Reference = at(reg, "org/"+names[i]).URL, &v1.OCIRepositoryRef{Tag: "v1"}
		r.create(names[i], spec)
	}
	start := time.Now()
	a := pollingAgent(t, shard)
	for _, name := range names {
		r.until(name, want{"ready", isReady})
	}
	allReady := time.Since(start)
	for _, name := range names {
		r.untilEvent(name, "Normal", v1.ReasonNewArtifact, nil)
	}
	cold := a.usage(t)

	stand := standstill(t, reg, a, r.namespace)
	first := stand.measure()
	stand.resume()
	if _, err := reg.Proxy.Wait(t.Context(), func(c proxy.Counts) bool {
		return c.Sub(first.registry).Of("HEAD", proxy.Manifest) >= rounds*len(names)
	}); err != nil {
		t.Fatal(err)
	}
	stand = standstill(t, reg, a, r.namespace)
	last := stand.measure()
	stand.resume()

	polls := last.reconciles - first.reconciles
	spent := last.registry.Sub(first.registry)
	if want := map[string]int{"HEAD manifest": polls}; !gocmp.Equal(want, spent.Requests) || spent.Connections != 0 {
		t.Errorf("%d polls took %v", polls, spent)
	}
	asked := map[string]int{}
	for _, c := range last.kubernetes[len(first.kubernetes):] {
		asked[c.Method+" "+strings.TrimPrefix(c.Path, "/api/v1/namespaces/"+r.namespace)]++
	}
	want := map[string]int{}
	if read != "" {
		want[read] = polls
	}
	if diff := gocmp.Diff(want, asked); diff != "" {
		t.Errorf("%d polls asked Kubernetes (-want +got):\n%s", polls, diff)
	}
	for _, name := range names {
		if n := len(r.history(name)); n != 2 { // created, ready
			t.Errorf("%s has %d versions", name, n)
		}
		if n := len(r.told(name)); n != 1 {
			t.Errorf("%d events about %s", n, name)
		}
	}
	t.Logf("%d objects: all Ready after %.1f s and %.1f CPU s; %d polls in %.1f s, %.2f CPU s for 1000; RSS %d MiB; %d open files",
		len(names), allReady.Seconds(), cold.cpu.Seconds(), polls, last.at.Sub(first.at).Seconds(),
		(last.usage.cpu-first.usage.cpu).Seconds()/float64(polls)*1000, last.usage.rss>>20, last.usage.files)
}

// pollingAgent has as many workers as one has by default. To be measured, it is one as users have it.
func pollingAgent(t *testing.T, shard string) *agent {
	t.Helper()
	o := agentOptions{Shard: shard, Args: []string{fmt.Sprintf("--concurrent=%d", workers)}}
	if *objects > usualObjects {
		plain, err := product.Build(t.Context(), filepath.Join(root, ".cache", "plain"), product.ReleaseFlags()...)
		if err != nil {
			t.Fatal(err)
		}
		o.Path, o.Args = plain.Agent, append(o.Args, "--log-level=info")
	}
	return runAgent(t, o)
}

// stand is a moment at which all workers of an agent wait for the answer to a poll, so that everything can be counted exactly.
type stand struct {
	t         *testing.T
	reg       *registry.Registry
	agent     *agent
	namespace string
	hold      *proxy.Injection
}

func standstill(t *testing.T, reg *registry.Registry, a *agent, namespace string) *stand {
	t.Helper()
	hold := reg.Proxy.During(t, proxy.Fault{Method: "HEAD", Delay: time.Hour})
	untilHits(t, reg, hold, workers)
	return &stand{t: t, reg: reg, agent: a, namespace: namespace, hold: hold}
}

// resume lets the registry answer.
func (s *stand) resume() { s.hold.Remove() }

// measured is what was spent up to a standstill.
type measured struct {
	at         time.Time
	registry   proxy.Counts
	kubernetes []call
	reconciles int // that are done
	usage      usage
}

// usage is what an agent takes of its machine; zero where the system does not tell.
type usage struct {
	cpu   time.Duration // so far, on all cores
	rss   int           // bytes
	files int           // open
}

func (s *stand) measure() measured {
	s.t.Helper()
	return measured{
		at:         time.Now(),
		registry:   s.reg.Proxy.Counts(),
		kubernetes: control.front.calls(s.namespace),
		reconciles: int(s.agent.metric(s.t, "gotk_reconcile_duration_seconds_count", `namespace="`+s.namespace+`"`)),
		usage:      s.agent.usage(s.t),
	}
}

// metric is the sum of all series of a metric whose labels hold a text.
func (a *agent) metric(t *testing.T, name, labels string) float64 {
	t.Helper()
	resp, body := get(t, "http://"+a.Metrics+"/metrics")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("metrics: %s", resp.Status)
	}
	sum := 0.0
	for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if series != name && !strings.HasPrefix(series, name+"{") || !strings.Contains(series, labels) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}
