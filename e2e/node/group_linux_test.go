package node

import (
	"os"
	"path/filepath"
	"testing"
)

// In version 2 a group without controllers for those below it takes no Pod with limits.
func TestDelegate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cgroup.controllers"), []byte("cpuset cpu memory pids\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := delegate(dir); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil || string(got) != "+cpuset +cpu +memory +pids" {
		t.Errorf("delegated %q, %v", got, err)
	}
}
