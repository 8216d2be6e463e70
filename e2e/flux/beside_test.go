package flux_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// As they appear in managed fields.
const (
	agentManager = "oci-agent"
	shard        = "sharding.fluxcd.io/key"
)

// Where labels say which object is whose, neither controller ever writes the other's: not at the start, not when a tag moves, not when
// somebody asks, and not when an object goes.
func TestSharded(t *testing.T) {
	t.Parallel()
	r := newRoom(t, inherited)
	r.startIncumbent("!" + shard)
	a := r.startAgent("--watch-label-selector=" + shard + "=oci")
	revision := "main@" + r.push("main", "a.yaml", r.settings("a", "1"))
	r.source("theirs", v1.OCIRepositoryRef{Tag: "main"})
	r.source("ours", v1.OCIRepositoryRef{Tag: "main"}, func(o *v1.OCIRepository) { o.Labels = map[string]string{shard: "oci"} })
	for _, name := range []string{"theirs", "ours"} {
		r.untilAdvertised(name, revision)
	}
	revision = "main@" + r.push("main", "a.yaml", r.settings("a", "2"))
	for _, name := range []string{"theirs", "ours"} {
		r.poll(name)
		r.untilAdvertised(name, revision)
		r.kustomization(name)
		r.untilApplied(name, revision)
	}
	for _, name := range []string{"theirs", "ours"} {
		o := &v1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: name}}
		if err := r.cluster.admin.Delete(soon(t), o); err != nil {
			t.Fatal(err)
		}
		untilGone[*v1.OCIRepository](r.record, name)
	}
	for name, want := range map[string]struct {
		writer, other string
		finalizers    int
	}{
		"theirs": {sourceController, agentManager, 1},
		"ours":   {agentManager, sourceController, 0},
	} {
		versions, _ := history[*v1.OCIRepository](r.record, name)
		last := versions[len(versions)-1]
		if !wroteStatus(last, want.writer) {
			t.Errorf("%s has not written %s", want.writer, name)
		}
		for _, o := range versions {
			if wroteAny(o, want.other) {
				t.Errorf("%s wrote version %s of %s", want.other, o.ResourceVersion, name)
			}
			if artifact := o.Status.Artifact; artifact != nil && strings.Contains(artifact.URL, a.Storage) != (name == "ours") {
				t.Errorf("%s is served at %s", name, artifact.URL)
			}
			if len(o.Finalizers) > want.finalizers {
				t.Errorf("%s has the finalizers %v", name, o.Finalizers)
			}
		}
	}
}

// An object that is given the label moves from source-controller to the agent, and no download fails meanwhile.
func TestMovesByLabel(t *testing.T) {
	t.Parallel()
	r := newRoom(t, inherited)
	r.startIncumbent("!" + shard)
	a := r.startAgent("--watch-label-selector=" + shard + "=oci")
	revision := "main@" + r.push("main", "a.yaml", r.settings("a", "1"))
	r.source("app", v1.OCIRepositoryRef{Tag: "main"})
	before := r.untilAdvertised("app", revision)
	r.kustomization("app")
	r.untilApplied("app", revision)
	uid := r.untilSettings("a", "1").UID

	r.patch(&v1.OCIRepository{}, "app", `{"metadata":{"labels":{"`+shard+`":"oci"}}}`)
	r.isServed(before, revision)
	after := until(r.record, "app", "is served by the agent", func(o *v1.OCIRepository) bool {
		return strings.Contains(o.Status.Artifact.URL, a.Storage) && len(o.Finalizers) == 0
	})
	r.isServed(before, revision)
	r.isServed(after, revision)
	r.apply("app", revision)
	r.hasKept("a", uid)
	r.neverWithout("app")
	if before.UID != after.UID {
		t.Error("the object itself was made anew")
	}
}

// Where nothing says whose an object is, the agent yields: it says so, and from then on writes it no more, whatever happens.
func TestStandsBack(t *testing.T) {
	t.Parallel()
	r := newRoom(t, inherited)
	r.push("main", "a.yaml", r.settings("a", "1"))
	a := r.startAgent()
	r.source("app", v1.OCIRepositoryRef{Tag: "main"})
	until(r.record, "app", "is the agent's", func(o *v1.OCIRepository) bool { return wroteStatus(o, agentManager) })
	r.startIncumbent("")
	r.poll("app")
	r.untilEvent("app", corev1.EventTypeWarning, v1.ReasonStandingBack)
	before := r.poll("app")
	mark := stamp(before, agentManager)

	revision := "main@" + r.push("main", "a.yaml", r.settings("a", "2"))
	r.poll("app")
	o := r.untilAdvertised("app", revision)
	r.kustomization("app")
	r.untilApplied("app", revision)
	if !wroteStatus(o, sourceController) || len(o.Finalizers) != 1 {
		t.Errorf("not source-controller's: finalizers %v", o.Finalizers)
	}
	versions, _ := history[*v1.OCIRepository](r.record, "app")
	for _, o := range versions[slices.IndexFunc(versions, func(o *v1.OCIRepository) bool { return o.ResourceVersion == before.ResourceVersion }):] {
		if !stamp(o, agentManager).Equal(mark) || o.Status.Artifact != nil && strings.Contains(o.Status.Artifact.URL, a.Storage) {
			t.Errorf("the agent wrote version %s after it had stood back", o.ResourceVersion)
		}
	}
}

// The other one is stopped: the agent takes over when something is asked and nobody answers.
func TestTakesOverFromOneThatIsStopped(t *testing.T) {
	t.Parallel()
	r := newRoom(t, inherited)
	revision := "main@" + r.push("main", "a.yaml", r.settings("a", "1"))
	a := r.startAgent()
	r.source("app", v1.OCIRepositoryRef{Tag: "main"})
	until(r.record, "app", "is the agent's", func(o *v1.OCIRepository) bool { return wroteStatus(o, agentManager) })
	other := r.startIncumbent("")
	r.poll("app")
	r.untilEvent("app", corev1.EventTypeWarning, v1.ReasonStandingBack)
	r.poll("app")
	until(r.record, "app", "is source-controller's", func(o *v1.OCIRepository) bool {
		return o.Status.Artifact != nil && !strings.Contains(o.Status.Artifact.URL, a.Storage)
	})
	other.stop()

	r.ask(&v1.OCIRepository{}, "app")
	o := until(r.record, "app", "is the agent's again", func(o *v1.OCIRepository) bool {
		return strings.Contains(o.Status.Artifact.URL, a.Storage) && len(o.Finalizers) == 0
	})
	r.isServed(o, revision)
}

func wroteAny(o *v1.OCIRepository, manager string) bool {
	return slices.ContainsFunc(o.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == manager })
}

func wroteStatus(o *v1.OCIRepository, manager string) bool { return stamp(o, manager) != nil }

// stamp is when a manager wrote the status last; nil: nothing of it is its.
func stamp(o *v1.OCIRepository, manager string) *metav1.Time {
	for _, e := range o.ManagedFields {
		if e.Manager == manager && e.Subresource == "status" {
			return e.Time
		}
	}
	return nil
}
