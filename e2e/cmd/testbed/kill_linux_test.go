package main

import (
	"path/filepath"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/witness"
)

// A run that is killed cannot clean up, and takes its programs along all the same.
func TestKillLeavesNoProgram(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	cmd, _, _ := command(t, "-dir", dir)
	programs := witness.Naming(t, dir)
	if len(programs) != 4 { // the command and the three of the control plane
		t.Errorf("found %v", programs)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	for _, p := range programs {
		p.Wait(t)
	}
}
