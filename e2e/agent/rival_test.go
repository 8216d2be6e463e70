package agent_test

import (
	"fmt"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// otherController writes a status as source-controller would.
func (r *room) otherController(name, revision string) {
	r.t.Helper()
	object := r.get(name)
	before := object.DeepCopy()
	status := &object.Status
	status.ObservedGeneration, status.ObservedIgnore = object.Generation, object.Spec.Ignore
	status.LastHandledReconcileAt = object.Annotations[v1.AnnotationReconcileRequest]
	for i := range status.Conditions {
		status.Conditions[i].ObservedGeneration = object.Generation
		status.Conditions[i].Message = "stored artifact for digest '" + revision + "'"
	}
	const base = "http://source-controller.flux-system.svc/"
	status.URL = base + "ocirepository/" + r.namespace + "/" + name + "/latest.tar.gz"
	status.Artifact.Revision, status.Artifact.URL = revision, base+status.Artifact.Path
	if err := control.admin.Status().Patch(soon(r.t), object, client.MergeFrom(before), client.FieldOwner("source-controller")); err != nil {
		r.t.Fatal(err)
	}
	r.untilSeen(object)
}

// The agent takes over what a controller that is gone has left, stands back from one that writes again, and says so once.
func TestStandsBack(t *testing.T) {
	t.Parallel()
	r := newShard(t, "contested")
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	first := runAgent(t, agentOptions{Shard: "contested"})
	r.create("app", tagged(reg, "app", "v1"))
	r.until("app", served(first, p.revision("v1")))
	for range 3 { // a person may edit a status as often as they like: it is put right at once
		edit := fmt.Sprintf(`{"status":{"url":"http://elsewhere/ocirepository/%s/app/latest.tar.gz","artifact":{"url":"http://elsewhere/%s"}}}`,
			r.namespace, r.get("app").Status.Artifact.Path)
		if _, err := kubectl(soon(t), "", "patch", "ocirepository", "app", "-n", r.namespace, "--subresource=status", "--type=merge", "-p", edit); err != nil {
			t.Fatal(err)
		}
		r.untilSeen(r.get("app"))
		r.until("app", served(first, p.revision("v1")))
	}
	first.terminate(t)

	r.change("app", func(o *v1.OCIRepository) { o.Finalizers = []string{v1.FinalizerFlux} })
	r.otherController("app", p.revision("v1"))
	second := runAgent(t, agentOptions{Shard: "contested"})
	r.until("app", served(second, p.revision("v1")))
	r.until("app", want{"without a finalizer", func(o *v1.OCIRepository) bool { return len(o.Finalizers) == 0 }})

	r.otherController("app", p.revision("v1"))
	r.untilEvent("app", "Warning", v1.ReasonStandingBack, nil)
	writes := control.front.statusPatches(r.namespace, "app")
	r.otherController("app", p.revision("v2"))
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Ignore = new("*.md") })
	r.otherController("app", p.revision("v2"))
	r.create("other", tagged(reg, "app", "v1")) // whatever else there is to do goes on
	r.until("other", served(second, p.revision("v1")))
	if n := control.front.statusPatches(r.namespace, "app"); n != writes {
		t.Errorf("%d writes after it stood back", n-writes)
	}

	// Nobody answers this request: the other controller is gone.
	r.ask("app")
	idle(t, 50*time.Second) // it is given a minute
	if n := control.front.statusPatches(r.namespace, "app"); n != writes {
		t.Errorf("%d writes before the other one is given up", n-writes)
	}
	r.until("app", served(second, p.revision("v1")))
}
