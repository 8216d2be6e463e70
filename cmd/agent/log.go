package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
)

// mostDetail is V(6) of the Kubernetes libraries. From V(8) on they log what the API server sends, Secrets too.
const mostDetail = slog.LevelDebug - 2

func newLog(w io.Writer, o *options) *slog.Logger {
	options := slog.HandlerOptions{Level: o.logLevel, ReplaceAttr: readable}
	if o.logText {
		return slog.New(calm{slog.NewTextHandler(w, &options)})
	}
	return slog.New(calm{slog.NewJSONHandler(w, &options)})
}

// readable spells durations as people do, and gives each level one of the names that --log-level knows.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().String())
	}
	if level, ok := a.Value.Any().(slog.Level); ok && a.Key == slog.LevelKey && level < slog.LevelInfo {
		if level < slog.LevelDebug {
			return slog.String(a.Key, "TRACE")
		}
		return slog.String(a.Key, slog.LevelDebug.String())
	}
	return a
}

// calm takes for debugging what libraries log when nothing is wrong.
type calm struct{ slog.Handler }

const (
	probeFailed = "healthz check failed"     // without the reason: while the agent starts all of them do; the kubelet tells of those that go on to
	partEnds    = "Stopping and waiting for" // each of them, at every stop
	lateError   = "error received after stop sequence was engaged"
	leaseGone   = "leader election lost" // the late error of an agent that gave its lease back
)

func (c calm) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == probeFailed || strings.HasPrefix(r.Message, partEnds) || r.Message == lateError && hasError(r, leaseGone) {
		r.Level = min(r.Level, slog.LevelDebug)
	}
	if !c.Enabled(ctx, r.Level) {
		return nil
	}
	return c.Handler.Handle(ctx, r)
}

func hasError(r slog.Record, text string) (found bool) {
	r.Attrs(func(a slog.Attr) bool {
		err, ok := a.Value.Any().(error)
		found = ok && err.Error() == text
		return !found
	})
	return found
}

func (c calm) WithAttrs(attrs []slog.Attr) slog.Handler { return calm{c.Handler.WithAttrs(attrs)} }

func (c calm) WithGroup(name string) slog.Handler { return calm{c.Handler.WithGroup(name)} }
