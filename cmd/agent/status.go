package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubectl-oci/kubectl-oci/pkg/controller"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/status"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// maxTroubles is how many registries in trouble are shown.
const maxTroubles = 100

// statusPage shows what the agent does to whoever reaches its address. It runs on every replica.
type statusPage struct {
	listener net.Listener
	log      *slog.Logger

	reconciler *controller.Reconciler
	client     *registry.Client
	store      *store.Store
	leads      <-chan struct{}
	holder     *holder
}

// addStatus has the manager run the page where an address is given.
func addStatus(ctx context.Context, mgr ctrl.Manager, opts *options, page statusPage) error {
	if opts.statusAddr == "" {
		return nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", opts.statusAddr)
	if err != nil {
		return fmt.Errorf("open status page: %w", err)
	}
	page.listener, page.leads = listener, mgr.Elected()
	if opts.leaderElection {
		page.holder = &holder{reader: mgr.GetAPIReader(), lease: types.NamespacedName{Namespace: ownNamespace(opts), Name: name}}
	}
	page.log.Info("the status page listens: whoever reaches it sees the objects of all namespaces", "address", listener.Addr().String())
	return mgr.Add(page)
}

// NeedLeaderElection makes the manager start it everywhere.
func (statusPage) NeedLeaderElection() bool { return false }

// Start serves until the context is done.
func (p statusPage) Start(ctx context.Context) error {
	return status.Serve(ctx, p.listener, p.look, p.log)
}

func (p statusPage) look(ctx context.Context) (status.Agent, error) {
	objects, err := p.reconciler.Overview(ctx)
	if err != nil {
		return status.Agent{}, err
	}
	agent := status.Agent{Instance: host(), Version: buildVersion(), Objects: objects}
	select {
	case <-p.leads:
		agent.Leads = true
	default:
	}
	if p.holder != nil {
		agent.Leader = p.holder.name(ctx)
	}
	agent.Store.Artifacts, agent.Store.Bytes = p.store.Size()
	troubles, _ := p.client.Troubles(maxTroubles)
	for _, t := range troubles {
		agent.Registries = append(agent.Registries, status.Registry(t))
	}
	return agent, nil
}

// ownNamespace is where the lease is.
func ownNamespace(opts *options) string {
	if opts.namespace != "" {
		return opts.namespace
	}
	namespace, _ := os.ReadFile(podNamespace) // checkElection has seen it
	return strings.TrimSpace(string(namespace))
}

// holder tells who has the lease. Readers of the page make no more than a request in a while to the API server, however many there are.
type holder struct {
	reader client.Reader
	lease  types.NamespacedName

	mu    sync.Mutex
	known string
	asked time.Time
}

const (
	holderKeeps   = 5 * time.Second
	holderTimeout = time.Second
)

// name is empty where it cannot be found out.
func (h *holder) name(ctx context.Context) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.asked) < holderKeeps {
		return h.known
	}
	ctx, cancel := context.WithTimeout(ctx, holderTimeout)
	defer cancel()
	var lease coordinationv1.Lease
	h.known, h.asked = "", time.Now()
	if err := h.reader.Get(ctx, h.lease, &lease); err == nil && lease.Spec.HolderIdentity != nil {
		h.known, _, _ = strings.Cut(*lease.Spec.HolderIdentity, "_") // and an identifier of the process
	}
	return h.known
}
