package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/process"
)

// forever is a shell command that runs until it is killed.
const forever = "exec tail -f /dev/null"

// TestMain lets the test binary stand in for a parent that is killed: it starts what the variable says and waits.
func TestMain(m *testing.M) {
	script := os.Getenv("PROCESS_TEST_PARENT")
	if script == "" {
		os.Exit(m.Run())
	}
	p, err := process.Start(process.Command{Name: "child", Path: "/bin/sh", Args: []string{"-c", script}, Log: os.DevNull})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-p.Done()
}

func shell(t *testing.T, name, script, ready string) process.Command {
	t.Helper()
	return process.Command{
		Name: name, Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log"), Ready: ready,
	}
}

func start(t *testing.T, c process.Command) *process.Process {
	t.Helper()
	p, err := process.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// The line may come in pieces, on either output.
func TestReady(t *testing.T) {
	t.Parallel()
	command := shell(t, "server", "echo not yet; printf 'now rea' >&2; printf 'dy\\n' >&2; "+forever, "ready")
	p := start(t, command)
	<-p.Ready()
	if err := p.Err(); err != nil {
		t.Error(err)
	}
	if content, err := os.ReadFile(command.Log); err != nil || string(content) != "not yet\nnow ready\n" {
		t.Errorf("log %q, %v", content, err)
	}
}

func TestNeverReady(t *testing.T) {
	t.Parallel()
	p := start(t, shell(t, "server", "echo rea; echo dy", "ready"))
	<-p.Done()
	select {
	case <-p.Ready():
		t.Error("ready without saying so")
	default:
	}
}

func TestErrShowsLastLines(t *testing.T) {
	t.Parallel()
	p := start(t, shell(t, "server", `for i in $(seq 50); do echo line $i.; done; head -c 100000 /dev/zero | tr '\0' x; echo; printf unended; exit 3`, ""))
	<-p.Done()
	got := p.Err().Error()
	for _, want := range []string{"server ended (exit status 3)", "line 50.", "xxx", "unended"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if strings.Contains(got, "line 30.") || len(got) > 10_000 {
		t.Errorf("%d bytes are more than last lines", len(got))
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	p := start(t, shell(t, "stubborn", `trap "" TERM INT; echo up; `+forever, "up"))
	<-p.Ready()
	p.Stop()
	p.Stop()
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v", err)
	}
}

func TestStartRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	command := shell(t, "ghost", "", "")
	command.Path = filepath.Join(t.TempDir(), "ghost")
	if p, err := process.Start(command); err == nil {
		p.Stop()
		t.Error("started")
	}
	command = shell(t, "mute", "", "")
	command.Log = filepath.Join(t.TempDir(), "no", "folder")
	if p, err := process.Start(command); err == nil {
		p.Stop()
		t.Error("started without a log")
	}
}

func TestGroup(t *testing.T) {
	t.Parallel()
	g := process.NewGroup()
	t.Cleanup(g.Stop)
	first, err := g.Start(shell(t, "first", forever, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Err(); err != nil {
		t.Error(err)
	}
	if _, err := g.Start(shell(t, "second", "echo lost my mind; exit 7", "")); err != nil {
		t.Fatal(err)
	}
	<-g.Done()
	if first.Err() == nil {
		t.Error("the group is done and a program of it still runs")
	}
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "second ended (exit status 7)") || !strings.Contains(err.Error(), "lost my mind") {
		t.Errorf("got %v", err)
	}
	if _, err := g.Start(shell(t, "third", forever, "")); err == nil || !strings.Contains(err.Error(), "second ended") {
		t.Errorf("a program joined a group that has ended: %v", err)
	}
}

func TestGroupStop(t *testing.T) {
	t.Parallel()
	g := process.NewGroup()
	var parts []*process.Process
	for range 3 {
		p, err := g.Start(shell(t, "part", forever, ""))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	g.Stop()
	for _, p := range parts {
		if p.Err() == nil {
			t.Error("still runs")
		}
	}
	if err := g.Err(); err != nil {
		t.Errorf("stopping is no error, got %v", err)
	}
	g.Stop()
}
