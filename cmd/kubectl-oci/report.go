package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// reporter tells a person what goes on, on stderr: a moving bar on a terminal, plain lines otherwise.
type reporter struct {
	out      io.Writer
	terminal bool
}

func newReporter(out io.Writer) *reporter {
	file, ok := out.(*os.File)
	return &reporter{out: out, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

// line takes the place of a bar that is under way; the bar goes on below it.
func (r *reporter) line(format string, args ...any) {
	erase := ""
	if r.terminal {
		erase = "\r\x1b[K"
	}
	fmt.Fprintf(r.out, erase+format+"\n", args...)
}

// waiting says why nothing moves, and for how long.
func (r *reporter) waiting(limited *registry.RateLimitError) {
	r.line("%s asks for fewer requests: waiting %s", limited.Host, time.Until(limited.Until).Round(time.Second))
}

// At most this many skipped paths are named; the rest is counted.
const namedSkips = 10

func (r *reporter) skipped(paths []string) {
	if len(paths) == 0 {
		return
	}
	named := paths[:min(len(paths), namedSkips)]
	more := ""
	if rest := len(paths) - len(named); rest > 0 {
		more = fmt.Sprintf(" and %d more", rest)
	}
	r.line("skipped by ignore rules: %s%s", strings.Join(named, ", "), more)
}

// bar shows how far something has come; size is -1 where nobody knows. Off a terminal it shows nothing.
func (r *reporter) bar(verb string, size int64) *progressbar.ProgressBar {
	if !r.terminal {
		return progressbar.DefaultBytesSilent(size, verb)
	}
	return progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(r.out),
		progressbar.OptionSetDescription(verb),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
	)
}

// steps shows how many of n things are done. Off a terminal it shows nothing.
func (r *reporter) steps(verb string, n int) *progressbar.ProgressBar {
	if !r.terminal {
		return progressbar.DefaultSilent(int64(n), verb)
	}
	return progressbar.NewOptions(n,
		progressbar.OptionSetWriter(r.out),
		progressbar.OptionSetDescription(verb),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
}

// size is a number of bytes for people.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n)/unit, "KMGT"
	for value >= unit && len(units) > 1 {
		value, units = value/unit, units[1:]
	}
	return fmt.Sprintf("%.1f %ciB", value, units[0])
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
