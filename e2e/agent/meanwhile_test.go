package agent_test

import (
	"net/http"
	"testing"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// download that hangs: an object whose artifact is on its way until the test lets it arrive.
type underway struct {
	*room
	reg  *registry.Registry
	v1   pushed
	v2   pushed
	slow *proxy.Injection
}

func newUnderway(t *testing.T) *underway {
	t.Helper()
	u := &underway{room: newRoom(t), reg: registry.For(t, registry.Options{})}
	u.v1 = push(t, u.reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	u.v2 = push(t, u.reg, "app", folder("a.yaml", "a: 2\n"), "v2")
	u.slow = u.reg.Proxy.During(t, proxy.Fault{Path: blobPath, Delay: time.Hour})
	u.create("app", tagged(u.reg, "app", "v1"))
	untilHits(t, u.reg, u.slow, 1)
	return u
}

// Somebody else's change of the object costs a second try to write the status, and no second download.
func TestObjectChangesMeanwhile(t *testing.T) {
	t.Parallel()
	u := newUnderway(t)
	u.change("app", func(o *v1.OCIRepository) { o.Annotations = map[string]string{"a": "b"} })
	u.slow.Remove()
	o := u.until("app", exposes(u.v1.revision("v1")))
	if o.Annotations["a"] != "b" {
		t.Error("the annotation is lost")
	}
	if n := u.reg.Proxy.Counts().Of("GET", proxy.Blob); n != 1 {
		t.Errorf("%d downloads", n)
	}
}

// What was found for a spec says nothing of the next one.
func TestSpecChangesMeanwhile(t *testing.T) {
	t.Parallel()
	u := newUnderway(t)
	u.change("app", func(o *v1.OCIRepository) { o.Spec.Reference.Tag = "v2" })
	u.slow.Remove()
	u.until("app", exposes(u.v2.revision("v2")))
	u.never(t, "app", u.v1.revision("v1"))
}

// Nor of another object of the same name.
func TestObjectIsReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	u := newUnderway(t)
	u.delete("app")
	u.create("app", tagged(u.reg, "app", "v2"))
	u.slow.Remove()
	u.until("app", exposes(u.v2.revision("v2")))
	u.never(t, "app", u.v1.revision("v1"))
}

// An artifact that arrives for an object that is gone stays nowhere.
func TestObjectGoesMeanwhile(t *testing.T) {
	t.Parallel()
	u := newUnderway(t)
	u.delete("app")
	u.wait("app", "the object is gone", func() bool { return u.gone["app"] })
	u.slow.Remove()
	u.create("next", tagged(u.reg, "app", "v1"))
	next := u.until("next", exposes(u.v1.revision("v1")))
	untilGone(t, "http://"+shared.Storage+"/ocirepository/"+u.namespace+"/app/"+next.Status.Artifact.Digest+".tar.gz")
	download(t, next)
}

// never checks that no version of an object so far advertised a revision.
func (r *record) never(t *testing.T, name, revision string) {
	t.Helper()
	for _, o := range r.history(name) {
		if o.Status.Artifact != nil && o.Status.Artifact.Revision == revision {
			t.Errorf("at generation %d it advertised %s: %s", o.Generation, revision, summary(o))
		}
	}
}

// An API server that refuses a status gets it later, and the event once.
func TestStatusIsWrittenLater(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	control.front.refuse(r.namespace, http.MethodPatch, 3)
	r.create("app", tagged(reg, "app", "v1"))
	download(t, r.until("app", exposes(p.revision("v1"))))
	r.untilEvent("app", "Normal", v1.ReasonNewArtifact, nil)
	if n := control.front.statusPatches(r.namespace, "app"); n != 4 {
		t.Errorf("%d status patches, not 3 that are refused and one that is not", n)
	}
	if told := r.told("app"); len(told) != 1 {
		t.Errorf("events %q", told)
	}
}

// An event that nobody wants to have is no reason to do anything again.
func TestEventIsLost(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	control.front.refuse(r.namespace, http.MethodPost, 1)
	r.create("app", tagged(reg, "app", "v1"))
	r.until("app", exposes(p.revision("v1")))
	r.poll("app")
	if n := reg.Proxy.Counts().Of("GET", proxy.Blob); n != 1 {
		t.Errorf("%d downloads", n)
	}
	if told := r.told("app"); len(told) != 0 {
		t.Errorf("events %q", told)
	}
}
