package main

import (
	"context"
	"io"
	"log/slog"
)

// mostDetail is V(6) of the Kubernetes libraries. From V(8) on they log what the API server sends, Secrets too.
const mostDetail = slog.LevelDebug - 2

func newLog(w io.Writer, o *options) *slog.Logger {
	options := slog.HandlerOptions{Level: o.logLevel}
	if o.logText {
		return slog.New(calm{slog.NewTextHandler(w, &options)})
	}
	return slog.New(calm{slog.NewJSONHandler(w, &options)})
}

// calm takes for debugging what a library logs of each probe that fails, without the reason: while the agent starts all of them do,
// and the kubelet tells of those that go on to.
type calm struct{ slog.Handler }

const probeFailed = "healthz check failed"

func (c calm) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == probeFailed {
		r.Level = min(r.Level, slog.LevelDebug)
	}
	if !c.Enabled(ctx, r.Level) {
		return nil
	}
	return c.Handler.Handle(ctx, r)
}

func (c calm) WithAttrs(attrs []slog.Attr) slog.Handler { return calm{c.Handler.WithAttrs(attrs)} }

func (c calm) WithGroup(name string) slog.Handler { return calm{c.Handler.WithGroup(name)} }
