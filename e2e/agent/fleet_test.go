package agent_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubectl-oci/kubectl-oci/e2e/gateway"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

// There is one lease, and all agents of an election are replicas of one another.
var election sync.Mutex

// holdElection lets one test at a time have agents that elect a leader.
func holdElection(t *testing.T) {
	t.Helper()
	election.Lock()
	t.Cleanup(func() {
		defer election.Unlock()
		lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: agentNamespace, Name: "oci-agent"}}
		if err := client.IgnoreNotFound(control.admin.Delete(context.WithoutCancel(t.Context()), lease)); err != nil {
			t.Error(err)
		}
	})
}

// electing is the flags of an agent that elects, with times that are long enough for a loaded machine.
func electing() []string {
	return []string{
		"--enable-leader-election", "--leader-election-lease-duration=12s",
		"--leader-election-renew-deadline=10s", "--leader-election-retry-period=200ms",
	}
}

// fleet is replicas of one agent behind a Service, in a room of their own.
type fleet struct {
	*room
	t       *testing.T
	service *gateway.Service
	storage []string // addresses of the file servers that there may ever be
	path    string   // of the program; empty: the agent itself
	flags   []string // more of them
}

// newFleet makes room for so many replicas, and starts none.
func newFleet(t *testing.T, shard string, replicas int) *fleet {
	t.Helper()
	holdElection(t)
	service, err := gateway.StartService(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Stop)
	f := &fleet{room: newShard(t, shard), t: t, service: service}
	for range replicas {
		address, err := product.FreeAddress(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f.storage = append(f.storage, address)
	}
	return f
}

func (f *fleet) options(n int, dir string) agentOptions {
	args := append(electing(), "--storage-adv-addr="+f.service.Addr, "--replicas="+strings.Join(f.storage, ","))
	return agentOptions{Dir: dir, Shard: f.shard, Storage: f.storage[n], Path: f.path, Args: append(args, f.flags...)}
}

// start runs replica n with an empty disk, and waits until it is ready.
func (f *fleet) start(n int) *agent {
	f.t.Helper()
	return f.join(runAgent(f.t, f.options(n, f.t.TempDir())))
}

func (f *fleet) join(a *agent) *agent {
	f.service.Join(f.t.Context(), member(a))
	return a
}

func member(a *agent) gateway.Member { return gateway.Member{Storage: a.Storage, Health: a.Health} }

// retire ends a replica as the kubelet does: no Service sends anything there any more by the time it is told.
func (f *fleet) retire(a *agent) {
	f.t.Helper()
	f.service.Leave(member(a))
	a.terminate(f.t)
	if err := a.Err(); !strings.Contains(err.Error(), "exit status 0") {
		f.t.Error(err)
	}
}

// crash ends a replica as a power cut does; the Service learns it from connections that are refused.
func (f *fleet) crash(a *agent) {
	f.t.Helper()
	a.kill()
	if err := os.RemoveAll(filepath.Join(a.options.Dir, "store")); err != nil {
		f.t.Fatal(err)
	}
}

// again starts replicas in the place of those that crashed, all at once.
func (f *fleet) again(crashed ...*agent) []*agent {
	f.t.Helper()
	fresh, failed := make([]*agent, len(crashed)), make([]error, len(crashed))
	var all sync.WaitGroup
	for i, a := range crashed {
		f.service.Leave(member(a))
		options := a.options
		options.Path = f.path
		all.Go(func() { fresh[i], failed[i] = startAgent(soon(f.t), options) })
	}
	all.Wait()
	for i, a := range fresh {
		if failed[i] != nil {
			f.t.Fatal(failed[i])
		}
		endWith(f.t, a)
		f.join(a)
	}
	return fresh
}
