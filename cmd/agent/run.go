package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/kubectl-oci/kubectl-oci/pkg/cloud"
	"github.com/kubectl-oci/kubectl-oci/pkg/controller"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/server"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// name of the lease, and of the agent in events and requests to registries.
const name = "oci-agent"

// run wires the parts together and runs them until the context is done.
func run(ctx context.Context, log *slog.Logger, opts *options) error {
	files, err := store.Open(opts.storagePath)
	if err != nil {
		return err
	}
	defer files.Close()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", opts.storageAddr)
	if err != nil {
		return fmt.Errorf("open file server: %w", err)
	}
	defer listener.Close() // the server has closed it, unless it never started
	mgr, err := newManager(opts)
	if err != nil {
		return err
	}
	current, err := openPolicy(ctx, log, opts.policyPath)
	if err != nil {
		return err
	}
	others, err := server.NewReplicas(opts.replicas, listener.Addr())
	if err != nil {
		return err
	}
	registries := registry.NewClient(registry.Options{UserAgent: name, Window: opts.window})
	artifacts, err := newSource(opts, registries, files, others)
	if err != nil {
		return err
	}
	notifier, finish, err := startNotifier(ctx, opts.eventsAddr, log)
	if err != nil {
		return err
	}
	reconciler, err := addReconciler(mgr, opts, artifacts, current, notifier, advertise(opts, listener.Addr()))
	if err != nil {
		return err
	}
	if err := errors.Join(
		addReadiness(ctx, mgr, reconciler),
		mgr.Add(leadership{mgr.Elected(), opts.leaderElection, log}),
		addStatus(ctx, mgr, opts, statusPage{log: log, reconciler: reconciler, client: registries, store: files}),
	); err != nil {
		return err
	}
	go others.Watch(ctx, log)
	introduce(log, opts, listener.Addr(), reconciler.Address)
	web := &server.Server{Store: files, Refill: newRefill(opts, reconciler, artifacts), Log: log, Grace: opts.grace}
	return serveThroughout(ctx, opts, func(ctx context.Context) error { return web.Serve(ctx, listener) }, mgr.Start, finish)
}

// newSource makes the pipeline, which counts what it verifies, and registers what is measured of its parts.
func newSource(opts *options, registries *registry.Client, files *store.Store, others *server.Replicas) (*source.Source, error) {
	verifier, err := newVerifier(opts.trustedRoot)
	if err != nil {
		return nil, err
	}
	count, err := countVerifications()
	if err != nil {
		return nil, err
	}
	return &source.Source{
		Registry: registries,
		Store:    files,
		Limits:   opts.limits,
		Replicas: others,

		Verifier:       verifier,
		VerifyInterval: opts.verifyInterval,
		Searched:       count,
	}, addGauges(files, registries)
}

func addReconciler(mgr ctrl.Manager, opts *options, artifacts *source.Source, current rules, notifier *controller.Notifier, address string) (*controller.Reconciler, error) {
	direct, err := client.New(mgr.GetConfig(), client.Options{Scheme: mgr.GetScheme()})
	if err != nil {
		return nil, err
	}
	durations := controller.NewDurations()
	if err := metrics.Registry.Register(durations); err != nil {
		return nil, err
	}
	reconciler := &controller.Reconciler{
		Client:    mgr.GetClient(),
		Live:      mgr.GetAPIReader(),
		Source:    artifacts,
		Mirror:    artifacts,
		Elected:   mgr.Elected(), // closed at the start where there is no election
		Store:     artifacts.Store,
		Instance:  instance(),
		Durations: durations,
		Address:   address,
		Pace:      opts.pace,
		Retention: opts.retention,
		Jitter:    float64(opts.jitter) / 100,

		VerifyInterval:        opts.verifyInterval,
		Policy:                current.current,
		PolicyChanges:         current.changes,
		Identities:            &cloud.Identities{Client: direct},
		DefaultServiceAccount: opts.defaultServiceAccount,
		WatchSecrets:          opts.watchSecrets,
		Notifier:              notifier,
	}
	return reconciler, errors.Join(reconciler.SetUp(mgr), metrics.Registry.Register(controller.NewReadiness(reconciler)))
}

// instance is the name of the machine or Pod, of which Kubernetes wants no more than a label's length in an event.
func instance() string {
	if host := host(); host != "" {
		return name + "-" + host[:min(len(host), 63)]
	}
	return name
}

// host is the name of the machine or Pod; empty where it has none.
func host() string {
	host, _ := os.Hostname()
	return host
}

// advertise gives the address that consumers are told: the one asked for, or the listener's own, with a name that this machine
// knows where it listens on all addresses.
func advertise(opts *options, listening net.Addr) string {
	if opts.storageAdvAddr != "" {
		return opts.storageAdvAddr
	}
	host, port, err := net.SplitHostPort(listening.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
