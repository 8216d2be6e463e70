package server

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"slices"
	"time"
)

// lookEvery is the time between two looks at the other replicas.
const lookEvery = 30 * time.Second

// Watch logs which replicas cannot be reached, once for each change, until the context is done. A name that is misspelled, or a
// replica that nobody reaches, does not show before another one is lost.
func (r *Replicas) Watch(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for known := map[string]string{}; len(r.addresses) > 0; {
		now := r.look(ctx)
		if ctx.Err() != nil {
			return
		}
		tellChanges(log, known, now)
		known = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look tries to connect to each, and gives what is wrong with them: empty where nothing is.
func (r *Replicas) look(ctx context.Context) map[string]string {
	seen := map[string]string{}
	dialer := net.Dialer{Timeout: replicaDial}
	for _, address := range r.addresses {
		host, port, _ := net.SplitHostPort(address)
		ips, err := r.resolver.LookupHost(ctx, host)
		seen[address] = text(err)
		for _, ip := range ips {
			if port == r.own && isOwn(ip) {
				continue
			}
			one := net.JoinHostPort(ip, port)
			conn, err := dialer.DialContext(ctx, "tcp", one)
			if seen[one] = text(err); err == nil {
				conn.Close()
			}
		}
	}
	return seen
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func tellChanges(log *slog.Logger, known, now map[string]string) {
	for _, address := range slices.Sorted(maps.Keys(now)) {
		switch was, is := known[address], now[address]; {
		case was == "" && is != "":
			log.Warn("a replica that --replicas names cannot be reached", "replica", address, "error", is)
		case was != "" && is == "":
			log.Info("the replica can be reached again", "replica", address)
		}
	}
}
