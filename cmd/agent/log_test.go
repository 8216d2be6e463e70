package main

import (
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-logr/logr"
)

// A library logs each probe that fails; at the start there are some, and nothing is wrong.
func TestFailedProbesAreDebugging(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]int{slog.LevelInfo: 0, slog.LevelDebug: 2} {
		var out strings.Builder
		sink := logr.FromSlogHandler(newLog(&out, &options{logLevel: level}).Handler()).WithName("healthz").WithValues("a", "b")
		sink.Info(probeFailed)
		sink.V(1).Info(probeFailed, "checker", "objects")
		if n := strings.Count(out.String(), probeFailed); n != want {
			t.Errorf("at %s the log has it %d times:\n%s", level, n, &out)
		}
		sink.Info("something else")
		if !strings.Contains(out.String(), "something else") {
			t.Errorf("at %s nothing else is logged", level)
		}
	}
}

// The Kubernetes libraries log whole requests and answers, with what Secrets hold, from V(8) on; and headers before that.
func TestNoLevelShowsSecrets(t *testing.T) {
	t.Parallel()
	opts, err := parse([]string{"--log-level=trace"}, func(string) string { return "" }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	sink := logr.FromSlogHandler(newLog(io.Discard, opts).Handler())
	if !sink.V(6).Enabled() || sink.V(7).Enabled() {
		t.Errorf("V(6): %t, V(7): %t", sink.V(6).Enabled(), sink.V(7).Enabled())
	}
}
