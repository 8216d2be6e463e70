package process

import (
	"bytes"
	"os"
	"strings"
	"sync"
)

const (
	tailLines = 20
	lineBytes = 2 << 10 // longer lines are cut, in memory only
)

// output writes a log file, keeps its last lines and watches for one that means ready.
type output struct {
	file  *os.File
	want  string
	ready chan struct{}

	mu    sync.Mutex
	said  bool
	line  []byte // not ended yet
	lines []string
}

func newOutput(path, want string) (*output, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	o := &output{file: file, want: want, ready: make(chan struct{})}
	if want == "" {
		o.say()
	}
	return o, nil
}

// Write never fails: a full disk must not stop the program by a closed pipe.
func (o *output) Write(b []byte) (int, error) {
	_, _ = o.file.Write(b)
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := b; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		o.line = append(o.line, part[:min(len(part), lineBytes-len(o.line))]...)
		if ended {
			o.end()
		}
		rest = after
	}
	return len(b), nil
}

func (o *output) end() {
	line := string(o.line)
	o.line = o.line[:0]
	if len(o.lines) == tailLines {
		o.lines = o.lines[1:]
	}
	o.lines = append(o.lines, line)
	if !o.said && strings.Contains(line, o.want) {
		o.say()
	}
}

func (o *output) say() {
	o.said = true
	close(o.ready)
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.lines
	if len(o.line) > 0 {
		lines = append(lines, string(o.line))
	}
	return "\t" + strings.Join(lines, "\n\t")
}

func (o *output) close() { o.file.Close() }
