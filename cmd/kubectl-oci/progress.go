package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far something has come: by a bar that moves on a terminal, and elsewhere, as in a pipeline's log, by a line now and
// then. It is safe for concurrent use.
type progress struct {
	drawn  *progressbar.ProgressBar
	report *reporter
	verb   string
	amount func(int64) string
	size   int64 // -1 where nobody knows

	mu   sync.Mutex
	done int64
	next time.Time // of a line; zero: none is wanted
}

// silence is how long nothing is said of what goes on where there is no terminal.
const silence = 10 * time.Second

// bar shows how many of size bytes have passed; size is -1 where nobody knows.
func (r *reporter) bar(verb string, bytes int64) *progress {
	return r.progress(verb, bytes, size, progressbar.OptionShowBytes(true), progressbar.OptionSetRenderBlankState(true))
}

// steps shows how many of n things are done.
func (r *reporter) steps(verb string, n int) *progress {
	return r.progress(verb, int64(n), func(n int64) string { return fmt.Sprint(n) }, progressbar.OptionShowCount())
}

func (r *reporter) progress(verb string, size int64, amount func(int64) string, options ...progressbar.Option) *progress {
	visible := r.terminal && !r.quiet
	p := &progress{report: r, verb: verb, amount: amount, size: size}
	if !visible && !r.quiet {
		p.next = time.Now().Add(silence)
	}
	p.drawn = progressbar.NewOptions64(size, append(options, progressbar.OptionSetVisibility(visible), progressbar.OptionSetWriter(r.out),
		progressbar.OptionSetDescription(verb), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())...)
	return p
}

// Write counts bytes that pass.
func (p *progress) Write(passing []byte) (int, error) {
	p.Add(len(passing))
	return len(passing), nil
}

// Add counts what is done.
func (p *progress) Add(n int) {
	_ = p.drawn.Add(n) // a bar that cannot be drawn is no reason to stop
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += int64(n)
	now := time.Now()
	if p.next.IsZero() || now.Before(p.next) {
		return
	}
	p.next = now.Add(silence)
	of := ""
	if p.size >= 0 {
		of = " of " + p.amount(p.size)
	}
	p.report.line("%s: %s%s", p.verb, p.amount(p.done), of)
}

// Reset begins anew.
func (p *progress) Reset() {
	p.drawn.Reset()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = 0
}

// Finish takes the bar away, also one that was drawn last before it was full.
func (p *progress) Finish() {
	_ = p.drawn.Finish()
	if p.report.terminal && !p.report.quiet {
		_ = p.drawn.Clear()
	}
}
