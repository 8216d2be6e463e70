package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// Off a terminal something short says nothing while it goes on, and something long a line now and then, with nothing that moves.
func TestOccasionalLines(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		quiet bool
		size  int64
		want  string
	}{
		"size known":   {false, 35 << 20, "pushing: 10.0 MiB of 35.0 MiB\npushing: 20.0 MiB of 35.0 MiB\npushing: 30.0 MiB of 35.0 MiB\n"},
		"size unknown": {false, -1, "pushing: 10.0 MiB\npushing: 20.0 MiB\npushing: 30.0 MiB\n"},
		"quiet":        {true, 35 << 20, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				bar := newReporter(&screen{Writer: &out, quiet: test.quiet}).bar("pushing", test.size)
				for range 35 {
					<-time.After(time.Second)
					if _, err := bar.Write(make([]byte, 1<<20)); err != nil {
						t.Fatal(err)
					}
				}
				bar.Finish()
				if got := out.String(); got != test.want {
					t.Errorf("got\n%swant\n%s", got, test.want)
				}
			})
		})
	}
}

// What must be known is said whoever wants it quiet.
func TestQuiet(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := newReporter(&screen{Writer: &out, quiet: true})
	r.line("packed %d files", 3)
	r.always("warning: %s", "look out")
	if got := out.String(); got != "warning: look out\n" {
		t.Errorf("got %q", got)
	}
}
