//go:build linux

package node_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// watch keeps what the API server tells of the agent's Pods, also of those that are gone by now.
type watch struct {
	cmd *exec.Cmd

	mu  sync.Mutex
	out bytes.Buffer
}

// Write is called by one kubectl.
func (w *watch) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(b)
}

const podLine = `jsonpath={.metadata.name},{.metadata.deletionTimestamp},{.metadata.deletionGracePeriodSeconds},` +
	`{.status.containerStatuses[*].state.terminated.exitCode},{.status.containerStatuses[*].state.terminated.finishedAt},` +
	`{.status.containerStatuses[*].restartCount}{"\n"}`

func startWatch(t *testing.T) *watch {
	t.Helper()
	w := &watch{}
	kubectl(t, "create", "namespace", agentNamespace) // what is applied later takes it over
	w.cmd = exec.Command(filepath.Join(shared.Dir, "bin", "kubectl"), "get", "pods", "-n", agentNamespace, "-l", agentLabel, "-w", "-o", podLine)
	w.cmd.Env = append(os.Environ(), "KUBECONFIG="+shared.Kubeconfig)
	w.cmd.Stdout, w.cmd.Stderr = w, os.Stderr
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *watch) stop() {
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
}

// end is how a Pod went.
type end struct {
	code  string
	after time.Duration // since it was asked to
}

// ends by the name of the Pod, of those that ended; restarts are those of all.
func (w *watch) ends(t *testing.T) (ends map[string]end, restarts int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	ends = map[string]end{}
	for line := range strings.Lines(w.out.String()) {
		f := strings.Split(strings.TrimSpace(line), ",")
		if len(f) != 6 {
			t.Fatalf("not a line of the watch: %q", line)
		}
		if n, err := strconv.Atoi(f[5]); err == nil {
			restarts += n
		}
		if f[1] == "" || f[3] == "" {
			continue
		}
		deadline, err := time.Parse(time.RFC3339, f[1])
		if err != nil {
			t.Fatal(err)
		}
		finished, err := time.Parse(time.RFC3339, f[4])
		if err != nil {
			t.Fatal(err)
		}
		grace, err := strconv.Atoi(f[2])
		if err != nil {
			t.Fatal(err)
		}
		if _, known := ends[f[0]]; !known { // the first line has the grace period that it was given
			ends[f[0]] = end{code: f[3], after: finished.Sub(deadline.Add(-time.Duration(grace) * time.Second))}
		}
	}
	return ends, restarts
}
