package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// screen is standard error, and what the command line says of it. Commands have it as their ErrOut.
type screen struct {
	io.Writer
	quiet bool
}

func (s *screen) addFlag(flags *pflag.FlagSet) {
	flags.BoolVarP(&s.quiet, "quiet", "q", false, "say nothing of what goes on: only results, errors, warnings and questions")
}

// reporter tells a person what goes on, on stderr: a moving bar on a terminal, plain lines otherwise.
type reporter struct {
	out      io.Writer
	terminal bool
	quiet    bool
}

func newReporter(out io.Writer) *reporter {
	r := &reporter{out: out}
	if s, ok := out.(*screen); ok {
		r.out, r.quiet = s.Writer, s.quiet
	}
	file, ok := r.out.(*os.File)
	r.terminal = ok && term.IsTerminal(int(file.Fd()))
	return r
}

// line says what goes on, or what came of it. It takes the place of a bar that is under way; the bar goes on below it.
func (r *reporter) line(format string, args ...any) {
	if !r.quiet {
		r.always(format, args...)
	}
}

// always is line for what must be known or answered, whoever wants it quiet.
func (r *reporter) always(format string, args ...any) {
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

// At most this many paths are named; the rest is counted.
const namedSkips = 10

// paths says what became of some files.
func (r *reporter) paths(what string, paths []string) {
	if len(paths) == 0 {
		return
	}
	named := paths[:min(len(paths), namedSkips)]
	more := ""
	if rest := len(paths) - len(named); rest > 0 {
		more = fmt.Sprintf(" and %d more", rest)
	}
	r.line("%s: %s%s", what, strings.Join(named, ", "), more)
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
