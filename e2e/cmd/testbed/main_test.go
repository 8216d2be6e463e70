package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

// TestMain lets the test binary be the command.
func TestMain(m *testing.M) {
	if os.Getenv("TESTBED_TEST_COMMAND") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// command starts the program and returns it with the first line that it prints.
func command(t *testing.T, args ...string) (*exec.Cmd, string, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "TESTBED_TEST_COMMAND=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, line, lines
}

func TestSignalStops(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		dir := filepath.Join(t.TempDir(), "run")
		cmd, line, rest := command(t, "-registry-only", "-dir", dir)
		if !strings.HasPrefix(line, "testbed ready after ") || !strings.HasSuffix(line, ", env file "+filepath.Join(dir, "env")+"\n") {
			t.Errorf("the line is %q", line)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if more, err := io.ReadAll(rest); err != nil || len(more) > 0 {
			t.Errorf("printed %q after it, %v", more, err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", signal, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// The run folder appears, is used and goes away in one process as well.
func TestRunEndsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	ready := writer(func(b []byte) {
		out.Write(b)
		cancel()
	})
	dir := filepath.Join(t.TempDir(), "run")
	if err := run(ctx, []string{"-registry-only", "-dir", dir}, ready, io.Discard); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(out.String(), "testbed ready") {
		t.Errorf("printed %q", out.String())
	}
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := parse(strings.Fields("-dir d -kubectl -tls -http2 -auth token -user a:b -user c:d:e:ro -anonymous-pull -token-life 3s"), io.Discard)
	got.Log = nil
	want := testbed.Options{Dir: "d", Kubectl: true, Registry: registry.Options{
		TLS: true, HTTP2: true, Auth: registry.Token, AnonymousPull: true, TokenLife: 3 * time.Second,
		Users: []registry.User{{Name: "a", Password: "b"}, {Name: "c", Password: "d:e", ReadOnly: true}},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"-user alice", "-user :secret", "-user alice:", "start", "-nonsense", "-token-life x"} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}
