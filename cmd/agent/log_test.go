package main

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
)

// What reads logs knows the levels by name, and people read durations.
func TestLogIsReadable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := newLog(&out, &options{logLevel: mostDetail})
	for level, want := range map[slog.Level]string{slog.LevelDebug - 1: "TRACE", slog.LevelDebug: "DEBUG", slog.LevelDebug + 3: "DEBUG", slog.LevelWarn: "WARN"} {
		out.Reset()
		log.Log(t.Context(), level, "x", "duration", 1500*time.Millisecond)
		if got := out.String(); !strings.Contains(got, `"level":"`+want+`"`) || !strings.Contains(got, `"duration":"1.5s"`) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Libraries log each probe that fails, and each part that ends; at the start and at a stop there are some, and nothing is wrong.
func TestWhatIsUsualIsDebugging(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]int{slog.LevelInfo: 0, slog.LevelDebug: 2} {
		var out strings.Builder
		sink := logr.FromSlogHandler(newLog(&out, &options{logLevel: level}).Handler()).WithName("healthz").WithValues("a", "b")
		sink.Info(probeFailed)
		sink.V(1).Info(probeFailed, "checker", "objects")
		sink.Info(partEnds + " caches")
		sink.Error(errors.New(leaseGone), lateError)
		if n := strings.Count(out.String(), probeFailed); n != want {
			t.Errorf("at %s the log has it %d times:\n%s", level, n, &out)
		}
		if quiet := !strings.Contains(out.String(), partEnds) && !strings.Contains(out.String(), leaseGone); quiet != (want == 0) {
			t.Errorf("at %s the log has of a stop:\n%s", level, &out)
		}
		sink.Error(errors.New("disk full"), lateError)
		if !strings.Contains(out.String(), `"level":"ERROR"`) {
			t.Errorf("at %s an error at the end is not logged", level)
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
