package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// largestPlugin is, in MiB, a little more than the plugin takes. With every exported method kept, it would take a quarter more.
const largestPlugin = 46

// A dependency that calls methods by names which only the running program knows, as templates do, keeps all the others' methods, too:
// each start would wait for them to be read, and each download be longer.
func TestSize(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" || os.Getenv("GOCOVERDIR") != "" {
		t.Skip("the limit is for amd64, and for programs that do not count what is covered")
	}
	path, err := exec.LookPath("kubectl-oci")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if size := info.Size() >> 20; size > largestPlugin {
		t.Errorf("the plugin takes %d MiB, more than %d: go build -ldflags=-dumpdep says what keeps text/template.(*state).evalField", size, largestPlugin)
	}
}

// A start ends before the garbage collector has anything to do.
func TestStartCollectsNoGarbage(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "kubectl-oci", "version", "--client")
	cmd.Env = append(cmd.Environ(), "GODEBUG=gctrace=1")
	var trace bytes.Buffer
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if trace.Len() > 0 {
		t.Errorf("it was collected during the start, see pkg/start:\n%s", &trace)
	}
}
