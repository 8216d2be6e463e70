package agent_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// Of two agents one reconciles; the other one is as ready to serve, and takes over: soon when the first one dies, at once when it is
// asked to end, which it does when it has finished what it began.
func TestLeaderElection(t *testing.T) {
	t.Parallel()
	holdElection(t)
	r := newShard(t, "leader")
	reg := registry.For(t, registry.Options{})
	leases := watchLease(t)
	start := func() *agent {
		return runAgent(t, agentOptions{Shard: "leader", Args: electing()})
	}
	first := start()
	holder := leases.until("held", func(holder string) bool { return holder != "" })
	second := start()

	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	spec := tagged(reg, "app", "v1")
	spec.Interval = often()
	r.create("app", spec)
	r.until("app", served(first, p.revision("v1")))
	polls := reg.Proxy.Counts()
	r.poll("app")
	if n := reg.Proxy.Counts().Sub(polls).Of("", proxy.Ping); n != 0 {
		t.Error("two agents ask the registry")
	}
	if n := len(r.history("app")); n != 4 { // created, ready, asked, answered
		t.Errorf("%d versions: two agents write", n)
	}

	first.kill()
	r.until("app", served(second, p.revision("v1")))
	next := leases.until("taken over", func(now string) bool { return now != "" && now != holder })
	third := start()

	slow := reg.Proxy.During(t, proxy.Fault{Path: blobPath, Delay: time.Hour})
	p = push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1")
	untilHits(t, reg, slow, 1)
	second.ended = true
	second.Signal(syscall.SIGTERM)
	second.untilUnready(t)
	download(t, r.get("app"))
	if now := leases.holder(); now != next {
		t.Errorf("the lease went from %q to %q while the leader was at work", next, now)
	}
	slow.Remove()
	r.until("app", served(second, p.revision("v1")))
	leases.until("let go", func(now string) bool { return now == "" })
	<-second.Done()
	if err := second.Err(); !strings.Contains(err.Error(), "exit status 0") {
		t.Error(err)
	}
	r.until("app", served(third, p.revision("v1")))
	r.untilEvent("app", "Normal", v1.ReasonNewArtifact, func(e *eventsv1.Event) bool {
		return e.Annotations[v1.AnnotationRevision] == p.revision("v1")
	})
}

// served is an object whose artifact an agent serves.
func served(a *agent, revision string) want {
	return want{revision + " at " + a.Storage, func(o *v1.OCIRepository) bool {
		return exposes(revision).is(o) && strings.HasPrefix(o.Status.Artifact.URL, "http://"+a.Storage+"/")
	}}
}

// untilUnready waits until no Service would send downloads any more: the first thing that an agent does that is told to stop.
func (a *agent) untilUnready(t *testing.T) {
	t.Helper()
	ctx := soon(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for a.Answers(ctx, "/readyz") {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the agent is still ready")
		}
	}
}

// lease is who holds the agents' lease.
type lease struct {
	t       *testing.T
	changes <-chan string
	last    string
}

func watchLease(t *testing.T) *lease {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	w, err := control.admin.Watch(ctx, &coordinationv1.LeaseList{}, client.InNamespace(agentNamespace))
	if err != nil {
		t.Fatal(err)
	}
	changes := make(chan string, 1000)
	go func() {
		for event := range w.ResultChan() {
			if l, ok := event.Object.(*coordinationv1.Lease); ok && l.Name == "oci-agent" && l.Spec.HolderIdentity != nil {
				changes <- *l.Spec.HolderIdentity
			}
		}
	}()
	return &lease{t: t, changes: changes}
}

// until waits for a holder.
func (l *lease) until(what string, is func(holder string) bool) string {
	l.t.Helper()
	ctx := soon(l.t)
	for {
		select {
		case l.last = <-l.changes:
			if is(l.last) {
				return l.last
			}
		case <-ctx.Done():
			l.t.Fatalf("the lease is not %s, its holder is %q", what, l.last)
		}
	}
}

// holder is the newest one.
func (l *lease) holder() string {
	for {
		select {
		case l.last = <-l.changes:
		default:
			return l.last
		}
	}
}
