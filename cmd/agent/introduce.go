package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"strings"
)

// introduce says at the start what people ask first when something does not work.
func introduce(log *slog.Logger, opts *options, listening net.Addr, advertised string) {
	log.Info("the file server listens",
		"address", listening.String(),
		"advertised", advertised,
		"policy", cmp.Or(opts.policyPath, "none: no loopback or link-local addresses"),
		"replicas", cmp.Or(strings.Join(opts.replicas, ","), "none"),
		"leaderElection", opts.leaderElection)
}

// leadership logs whether this replica leads. It runs on every one.
type leadership struct {
	elected <-chan struct{}
	needed  bool // by leader election; without it every agent leads
	log     *slog.Logger
}

// NeedLeaderElection makes the manager start it everywhere.
func (leadership) NeedLeaderElection() bool { return false }

// Start waits until this replica leads, or ends.
func (l leadership) Start(ctx context.Context) error {
	if !l.needed {
		return nil
	}
	l.log.Info("this replica stands by: it serves and follows until it gets the lease")
	select {
	case <-l.elected:
		l.log.Info("this replica leads now: it polls registries and writes status")
	case <-ctx.Done():
	}
	return nil
}
