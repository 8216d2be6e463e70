package cli_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// terminal is a program at a terminal, as a person has it: all three streams lead there.
type terminal struct {
	t    *testing.T
	keys *os.File
	cmd  *exec.Cmd

	mu    sync.Mutex
	shown bytes.Buffer
	news  chan struct{}
	ended chan struct{}
}

// atTerminal starts a program in a folder, with a home and a folder for temporary files of its own.
func atTerminal(t *testing.T, dir string, args ...string) *terminal {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir, "TMPDIR="+filepath.Join(dir, "tmp"), "TERM=xterm")
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	keys, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, keys: keys, cmd: cmd, news: make(chan struct{}, 1), ended: make(chan struct{})}
	go func() {
		defer close(term.ended)
		_, _ = io.Copy(term, keys) // it ends with an error, when nobody has the terminal any more
	}()
	t.Cleanup(func() { _ = keys.Close() })
	return term
}

// Write notes what the program shows.
func (term *terminal) Write(p []byte) (int, error) {
	term.mu.Lock()
	defer term.mu.Unlock()
	select {
	case term.news <- struct{}{}:
	default:
	}
	return term.shown.Write(p)
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.shown.String()
}

// await returns when the terminal shows a text.
func (term *terminal) await(text string) {
	term.t.Helper()
	for !strings.Contains(term.text(), text) {
		select {
		case <-term.news:
		case <-term.ended:
			if !strings.Contains(term.text(), text) {
				term.t.Fatalf("it ended, and never showed %q:\n%q", text, term.text())
			}
		case <-term.t.Context().Done():
			term.t.Fatalf("it does not show %q:\n%q", text, term.text())
		}
	}
}

// end waits for the program's end and gives its exit code.
func (term *terminal) end() int {
	term.t.Helper()
	<-term.ended
	err := term.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		term.t.Fatal(err)
	}
	return 0
}

// A bar moves on a terminal, makes room for lines, and is gone in the end. -q draws nothing, and off a terminal there are lines alone.
func TestBarOnATerminal(t *testing.T) {
	t.Parallel()
	reg, dir := registry.For(t, registry.Options{}), t.TempDir()
	write(t, filepath.Join(dir, "app", "config.yaml"), strings.Repeat("# some text\n", 1<<18))
	term := atTerminal(t, dir, "kubectl-oci", "push", reg.Host+"/org/app:v1", "-f", "app")
	if code := term.end(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, term.text())
	}
	shown := term.text()
	for _, want := range []string{"packing", "\r\x1b[Kpacked 1 file, ", "pushing", "\r\x1b[Ktagged "} {
		if !strings.Contains(shown, want) {
			t.Errorf("it does not show %q:\n%q", want, shown)
		}
	}
	lines := strings.Split(strings.TrimSuffix(shown, "\r\n"), "\r\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, reg.Host+"/org/app@sha256:") {
		t.Errorf("the result shares its line: %q", last)
	}
	checkTidy(t, term, dir)

	quiet := atTerminal(t, dir, "kubectl-oci", "push", "-q", reg.Host+"/org/app:v2", "-f", "app", "-a", "try=2")
	if code, shown := quiet.end(), quiet.text(); code != 0 || strings.Contains(shown, "\x1b") || strings.Count(shown, "\n") != 1 {
		t.Errorf("-q: exit code %d\n%q", code, shown)
	}
}

// Ctrl-C in the middle of a bar leaves the cursor visible, the exit code that shells expect, and no files.
func TestInterruptOnATerminal(t *testing.T) {
	t.Parallel()
	reg, dir := registry.For(t, registry.Options{}), t.TempDir()
	write(t, filepath.Join(dir, "app", "config.yaml"), strings.Repeat(t.TempDir(), 1<<12))
	if term := atTerminal(t, dir, "kubectl-oci", "push", reg.Host+"/org/app:v1", "-f", "app"); term.end() != 0 {
		t.Fatal(term.text())
	}
	reg.Proxy.During(t, proxy.Fault{Method: "GET", Path: regexp.MustCompile("/blobs/"), Action: proxy.Hang})
	term := atTerminal(t, dir, "kubectl-oci", "pull", reg.Host+"/org/app:v1", "--to", "out")
	term.await("pulling")
	if _, err := term.keys.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	if code := term.end(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	if shown := term.text(); !strings.HasSuffix(shown, "\r\x1b[Kinterrupted: nothing is left half written\r\n") {
		t.Errorf("it shows %q", shown)
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
		t.Error("it leaves its folder")
	}
	checkTidy(t, term, dir)
}

// Whoever is at a terminal is asked for name and password, and does not see the password.
func TestLoginAtATerminal(t *testing.T) {
	t.Parallel()
	reg, dir := registry.For(t, registry.Options{Auth: registry.Basic, Users: []registry.User{{Name: "alice", Password: "open sesame"}}}), t.TempDir()
	term := atTerminal(t, dir, "kubectl-oci", "login", reg.Host)
	term.await(": ")
	for _, answer := range []string{"alice", "open sesame"} {
		if answer != "alice" {
			term.await("password: ")
		}
		if _, err := term.keys.WriteString(answer + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	if code := term.end(); code != 0 || !strings.Contains(term.text(), "logged in to "+reg.Host+" as alice") {
		t.Errorf("exit code %d\n%q", code, term.text())
	}
	if strings.Contains(term.text(), "sesame") {
		t.Error("it shows the password")
	}
}

// checkTidy looks for what a program must not leave: a cursor that cannot be seen, and temporary files.
func checkTidy(t *testing.T, term *terminal, dir string) {
	t.Helper()
	if shown := term.text(); strings.LastIndex(shown, "\x1b[?25l") > strings.LastIndex(shown, "\x1b[?25h") {
		t.Errorf("the cursor is hidden: %q", shown)
	}
	for pattern, want := range map[string]int{filepath.Join(dir, "tmp", "*"): 0, filepath.Join(dir, "*.partial*"): 0, filepath.Join(dir, ".*"): 0} {
		if left, err := filepath.Glob(pattern); err != nil || len(left) != want {
			t.Errorf("it leaves %q (%v)", left, err)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var _ io.Writer = (*terminal)(nil)
