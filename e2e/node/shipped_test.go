//go:build linux

package node_test

import (
	"testing"
	"time"
)

// What the project ships, from the image to the workload that runs at the end, on a real node: no step but one of a user's, and through all
// of it one artifact is downloaded again and again, of which not one download may fail.
func TestShipped(t *testing.T) {
	t.Parallel()
	here(t)
	began := time.Now()
	s := &shipped{}
	for _, step := range []struct { // names without commas, which kubectl takes as two paths of files
		name string
		run  func(*testing.T)
	}{
		{"image", s.pushImages},
		{"previous version", s.installPrevious},
		{"polling", s.startPolling},
		{"upgrade", s.upgrade},
		{"installation again", s.installAgain},
		{"kustomize-controller", s.installFlux},
		{"delivery", s.deliver},
		{"next delivery", s.deliverAgain},
		{"plugin", s.ask},
		{"restart", s.restart},
		{"loss of the leader", s.deleteLeader},
		{"drain", s.drain},
		{"downloads", s.stopPolling},
		{"ends", s.checkEnds},
		{"limits", s.checkLimits},
	} {
		stepBegan := time.Now()
		if !t.Run(step.name, step.run) {
			s.explain(t)
			t.FailNow() // the next one would fail because of it
		}
		t.Logf("%5.1fs %s", time.Since(stepBegan).Seconds(), step.name)
	}
	t.Logf("%5.1fs in all, after %.1fs until the node was ready", time.Since(began).Seconds(), shared.Started.Seconds())
}

// shipped is what later steps know from earlier ones.
type shipped struct {
	previous, current string // references of the agent's images, by digest
	watch             *watch // of the agent's Pods
}

// explain shows what a failed step leaves.
func (s *shipped) explain(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{
		{"get", "pods,deployments,ocirepositories", "-A", "-o", "wide"},
		{"get", "events", "-A", "--sort-by=.lastTimestamp"},
		{"logs", "-n", agentNamespace, "-l", agentLabel, "--tail=20", "--prefix"},
	} {
		out, err := try(t, args...)
		t.Logf("%v %v:\n%s", args, err, out)
	}
	if s.watch != nil {
		s.watch.stop()
	}
}
