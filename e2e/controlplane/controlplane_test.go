package controlplane

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func binaries(t *testing.T) Binaries {
	t.Helper()
	builder, err := NewBuilder(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	b, err := builder.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Ports that another program takes between choosing and listening cost an attempt, nothing else.
func TestStartWithTakenPorts(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	asked := 0
	ports := func(n int) ([]int, error) {
		numbers, err := freePorts(n)
		if err == nil && asked < n { // etcd's clients, etcd's peers, the API server
			numbers[asked] = taken.Addr().(*net.TCPAddr).Port
		}
		asked++
		return numbers, err
	}
	c, err := start(t.Context(), binaries(t), layout{dir: t.TempDir()}, ports)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	if asked != 4 {
		t.Errorf("ports were chosen %d times, want 4", asked)
	}
	response, err := c.get(t.Context(), "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("readyz: %s", response.Status)
	}
}

func TestStartGivesUp(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	asked := 0
	c, err := start(t.Context(), binaries(t), layout{dir: t.TempDir()}, func(int) ([]int, error) {
		asked++
		port := taken.Addr().(*net.TCPAddr).Port
		return []int{port, port, port}, nil
	})
	if err == nil {
		c.Stop()
		t.Fatal("started")
	}
	if asked != attempts || !strings.Contains(err.Error(), "etcd ended") || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("after %d attempts: %v", asked, err)
	}
}

// The error is what the program said, once: another try would not help. What had been started is gone.
func TestStartShowsWhyAPartDied(t *testing.T) {
	t.Parallel()
	b := binaries(t)
	b.APIServer = filepath.Join(t.TempDir(), "kube-apiserver")
	if err := os.WriteFile(b.APIServer, []byte("#!/bin/sh\necho bad flag: $1 >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	var numbers []int
	c, err := start(t.Context(), b, layout{dir: t.TempDir()}, func(n int) ([]int, error) {
		more, err := freePorts(n)
		numbers = append(numbers, more...)
		return more, err
	})
	if err == nil {
		c.Stop()
		t.Fatal("started")
	}
	if !strings.Contains(err.Error(), "kube-apiserver ended (exit status 1)") || !strings.Contains(err.Error(), "bad flag: --etcd-servers=") {
		t.Errorf("got %v", err)
	}
	if len(numbers) != 3 {
		t.Errorf("%d attempts", len(numbers)/3)
	}
	for _, n := range numbers {
		if conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", n), time.Second); err == nil {
			conn.Close()
			t.Errorf("somebody listens on port %d still", n)
		}
	}
}
