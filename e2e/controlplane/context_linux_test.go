package controlplane

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/witness"
)

// A start that is given up leaves nothing running, here an etcd that hangs.
func TestStartEndsWithContext(t *testing.T) {
	t.Parallel()
	b := binaries(t)
	b.Etcd = filepath.Join(t.TempDir(), "etcd")
	if err := os.WriteFile(b.Etcd, []byte("#!/bin/sh\nkill -STOP $$\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	ports := func(n int) ([]int, error) {
		cancel(errors.New("no patience"))
		return freePorts(n)
	}
	dir := t.TempDir()
	if c, err := start(ctx, b, layout{dir: dir}, ports); err == nil {
		c.Stop()
		t.Error("started")
	} else if !strings.Contains(err.Error(), "no patience") {
		t.Errorf("got %v", err)
	}
	if left := witness.Naming(t, dir); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
}
