package flux_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// What the plugin pushes, the agent exposes and kustomize-controller applies: the first time, when a newer version is pushed or the
// tag moves, when files go, and after the agent came back with an empty disk.
func TestKustomization(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ref  v1.OCIRepositoryRef
		tags [4]string
	}{
		"newer version": {v1.OCIRepositoryRef{SemVer: ">=1.0.0"}, [4]string{"1.0.0", "1.0.1", "1.1.0", "2.0.0"}},
		"moved tag":     {v1.OCIRepositoryRef{Tag: "main"}, [4]string{"main", "main", "main", "main"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t, whole)
			a := r.startAgent()
			revision := c.tags[0] + "@" + r.push(c.tags[0], "a.yaml", r.settings("a", "1"), "b/b.yaml", r.settings("b", "1"))
			r.source("app", c.ref)
			r.kustomization("app")
			r.untilApplied("app", revision)
			r.untilSettings("a", "1")
			kept := r.untilSettings("b", "1")

			revision = c.tags[1] + "@" + r.push(c.tags[1], "a.yaml", r.settings("a", "2"), "b/b.yaml", r.settings("b", "1"))
			r.poll("app")
			r.untilApplied("app", revision)
			r.untilSettings("a", "2")

			revision = c.tags[2] + "@" + r.push(c.tags[2], "b/b.yaml", r.settings("b", "1"))
			r.poll("app")
			r.untilApplied("app", revision)
			untilGone[*corev1.ConfigMap](r.record, "a")

			a.restartWithEmptyDisk()
			r.apply("app", revision)
			if now := r.untilSettings("b", "1"); now.UID != kept.UID {
				t.Error("what was applied has been made anew")
			}

			revision = c.tags[3] + "@" + r.push(c.tags[3], "b/b.yaml", r.settings("b", "3"))
			r.poll("app")
			r.untilApplied("app", revision)
			r.untilSettings("b", "3")
		})
	}
}
