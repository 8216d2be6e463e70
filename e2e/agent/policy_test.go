package agent_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/loopback"
	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// trap is a server on this machine that an agent is to be led to, and must not connect to.
type trap struct {
	*loopback.Server
	connections atomic.Int64
}

// newTrap fails the test in the end where anybody has connected.
func newTrap(t *testing.T) *trap {
	t.Helper()
	tr := &trap{}
	var err error
	tr.Server, err = loopback.Serve(context.WithoutCancel(t.Context()), http.NotFoundHandler(), loopback.Options{
		Observe: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				tr.connections.Add(1)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		tr.Close()
		if n := tr.connections.Load(); n != 0 {
			t.Errorf("%d connections to where none may lead", n)
		}
	})
	return tr
}

func policyOf(rules string) string {
	return "apiVersion: policy.kubectl-oci.dev/v1alpha1\nkind: SourcePolicy\nrules:\n" + rules
}

// swap puts another version of the policy in the place of the one that the agent reads.
func (a *agent) swap(t *testing.T, policy string) {
	t.Helper()
	path := filepath.Join(a.options.Dir, "policy.yaml")
	if err := os.WriteFile(path+".next", []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".next", path); err != nil {
		t.Fatal(err)
	}
}

// Neither an object's author nor a registry leads the agent to where the policy forbids, whatever the way: not one connection is made.
func TestPolicyIsNotLedAround(t *testing.T) {
	t.Parallel()
	const host = "public.policy.test"
	r := newShard(t, "led")
	runAgent(t, agentOptions{Shard: "led", Env: outside.Env(), Policy: policyOf("- {insecure: true, addresses: [public]}\n")})
	forbidden := newTrap(t)
	_, port, err := net.SplitHostPort(forbidden.Addr)
	if err != nil {
		t.Fatal(err)
	}
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	outside.Route(host, reg.Host)
	spec := func(url string) v1.OCIRepositorySpec {
		return v1.OCIRepositorySpec{URL: "oci://" + url, Reference: &v1.OCIRepositoryRef{Tag: "v1"}, Insecure: true, Interval: often()}
	}

	// The administrator's own proxy may be anywhere: what it leads to counts.
	r.create("fine", spec(host+"/app"))
	r.until("fine", exposes(p.revision("v1")))

	r.create("url", spec(forbidden.Addr+"/app"))
	r.create("name", spec("localhost:"+port+"/app"))
	r.create("spelling", spec("127.1:"+port+"/app"))
	proxied := spec(host + "/app")
	proxied.ProxySecretRef = r.secretOf("proxy", corev1.SecretTypeOpaque, map[string]string{"address": "http://" + forbidden.Addr})
	r.create("proxy", proxied)
	for _, name := range []string{"url", "name", "spelling", "proxy"} {
		o := r.until(name, fails(v1.ReasonPolicyViolation))
		if c := condition(o, v1.ConditionStalled); c == nil || condition(o, v1.ConditionFetchFailed) == nil {
			t.Errorf("%s: %s", name, summary(o))
		}
		if message := messageOf(o); !strings.Contains(message, "its rule 1 permits public addresses; ask whoever runs the agent") {
			t.Errorf("%s says %q", name, message)
		}
		r.untilEvent(name, "Warning", v1.ReasonPolicyViolation, nil)
	}

	for name, fault := range map[string]proxy.Fault{
		"blob":  {Path: blobPath, Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"http://localhost:" + port + "/blob"}}},
		"tag":   {Path: regexp.MustCompile("/manifests/"), Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"http://localhost:" + port + "/x"}}},
		"realm": {Path: regexp.MustCompile("^/v2/$"), Status: http.StatusUnauthorized, Header: http.Header{"Www-Authenticate": {fmt.Sprintf(`Bearer realm="http://localhost:%s/token",service="x"`, port)}}},
	} {
		evil := registry.For(t, registry.Options{})
		push(t, evil, "app", folder("a.yaml", "a: 1\n"), "v1")
		outside.Route(name+"."+host, evil.Host)
		evil.Proxy.During(t, fault)
		r.create(name, spec(name+"."+host+"/app"))
		r.until(name, failsWith(v1.ReasonPolicyViolation, `"localhost" leads to`))
	}
}

// Who is permitted what is the administrator's word, and a new word counts without a change of the object, at the next poll.
func TestPolicyChanges(t *testing.T) {
	t.Parallel()
	r := newShard(t, "policy")
	rule := "- {namespaces: [%s], registries: [%q], insecure: %t, addresses: [%s]}\n"
	reg := registry.For(t, registry.Options{TLS: true})
	p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
	allowed := reg.Host + "/org/*"
	a := runAgent(t, agentOptions{Shard: "policy", Policy: policyOf(fmt.Sprintf(rule, "others", "**", true, "loopback"))})
	spec := tagged(reg, "org/app", "v1")
	spec.Interval, spec.Insecure = often(), true
	r.create("app", spec)
	r.until("app", failsWith(v1.ReasonPolicyViolation, "no rule permits"))
	a.swap(t, policyOf(fmt.Sprintf(rule, r.namespace, "ghcr.io/**", true, "loopback")))
	a.swap(t, policyOf(fmt.Sprintf(rule, r.namespace, allowed, false, "loopback")))
	r.until("app", failsWith(v1.ReasonPolicyViolation, "spec.insecure is set: rule 1"))
	a.swap(t, policyOf(fmt.Sprintf(rule, r.namespace, allowed, true, "private")))
	r.until("app", failsWith(v1.ReasonPolicyViolation, "its rule 1 permits private addresses"))
	if n := reg.Proxy.Counts(); n.Connections != 0 {
		t.Errorf("%d connections to a registry that was not permitted", n.Connections)
	}
	good := policyOf(fmt.Sprintf(rule, r.namespace, allowed, true, "loopback"))
	a.swap(t, good)
	r.until("app", exposes(p.revision("v1")))

	// A version that cannot be used leaves the last good one in force, is counted once, and told in the log.
	a.swap(t, strings.Replace(good, "insecure", "insecur", 1))
	for range 3 {
		if o := r.poll("app"); !isReady(o) {
			t.Errorf("a broken policy counts: %s", messageOf(o))
		}
	}
	if n := a.count(t, "oci_agent_policy_errors_total"); n != "1" {
		t.Errorf("%q broken policies are counted", n)
	}
	if is := a.count(t, "oci_agent_policy_broken"); is != "1" {
		t.Errorf("the file is broken, says the metric: %q", is)
	}
	log, err := os.ReadFile(filepath.Join(a.options.Dir, "agent.log"))
	if err != nil || strings.Count(string(log), "there is no field insecur in a rule") != 1 {
		t.Errorf("the log tells of it %d times, %v", strings.Count(string(log), "there is no field insecur in a rule"), err)
	}
	a.swap(t, policyOf(fmt.Sprintf(rule, "others", "**", true, "loopback")))
	download(t, r.until("app", fails(v1.ReasonPolicyViolation)))
	if is := a.count(t, "oci_agent_policy_broken"); is != "0" {
		t.Errorf("the file is put right, and broken, says the metric: %q", is)
	}
}

// count is the value of a metric without labels.
func (a *agent) count(t *testing.T, name string) string {
	t.Helper()
	_, body := get(t, "http://"+a.Metrics+"/metrics")
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Without a file the agent's own machine is out of reach, also for who knows its address.
func TestWithoutAPolicy(t *testing.T) {
	t.Parallel()
	r := newShard(t, "without")
	runAgent(t, agentOptions{Shard: "without", Args: []string{"--policy="}})
	forbidden := newTrap(t)
	r.create("app", v1.OCIRepositorySpec{URL: "oci://" + forbidden.Addr + "/app"})
	o := r.until("app", failsWith(v1.ReasonPolicyViolation, "without a policy file, public, private addresses are permitted"))
	if message := messageOf(o); !strings.Contains(message, "127.0.0.1") {
		t.Errorf("it says %q", message)
	}
}

// A mistake must not run.
func TestBrokenPolicyEndsTheAgent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := startAgent(soon(t), agentOptions{Dir: dir, Shard: "broken", Policy: policyOf("- {registry: x}\n")})
	if err == nil {
		a.Stop()
		t.Fatal("it runs")
	}
	if !strings.Contains(err.Error(), "there is no field registry in a rule") {
		t.Errorf("it says %v", err)
	}
}
