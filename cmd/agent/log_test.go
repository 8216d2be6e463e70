package main

import (
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
