package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// shut is a window that does not open while a test runs.
func shut() string {
	return fmt.Sprintf("%d %d * * * / 1m", time.Now().UTC().Minute(), (time.Now().UTC().Hour()+12)%24)
}

// annotate sets an annotation of an object, or removes it where the value is empty.
func (r *room) annotate(name, key, value string) {
	r.t.Helper()
	r.change(name, func(o *v1.OCIRepository) {
		if delete(o.Annotations, key); value != "" {
			metav1.SetMetaDataAnnotation(&o.ObjectMeta, key, value)
		}
	})
}

// idle lets time pass of which nothing tells the end, where one wait for the agent would take longer than all others.
func idle(t *testing.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// waiting is an object that is ready with one revision while another one waits.
func waiting(inUse, pending string) want {
	return want{"Ready with " + inUse + " while " + pending + " waits", func(o *v1.OCIRepository) bool {
		c := condition(o, v1.ConditionUpdatePending)
		return exposes(inUse).is(o) && c != nil && strings.Contains(c.Message, pending)
	}}
}

// answered is one that the agent has told so of its spec as it is now.
func answered(w want) want {
	return want{w.what + ", and answered", func(o *v1.OCIRepository) bool { return w.is(o) && o.Status.ObservedGeneration == o.Generation }}
}

// waitingFirst is an object that has nothing yet while a revision waits.
func waitingFirst(pending string) want {
	return answered(want{"not Ready yet while " + pending + " waits", func(o *v1.OCIRepository) bool {
		c := condition(o, v1.ConditionReady)
		return c != nil && c.Status == metav1.ConditionUnknown && strings.Contains(c.Message, pending) &&
			o.Status.Artifact == nil && c.ObservedGeneration == o.Generation
	}})
}

// Outside its windows an object is polled and its revision stays, ready all the time, until somebody asks for that very digest, or takes
// the windows away.
func TestRevisionsWaitForTheirWindow(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	revisions := make([]pushed, 5)
	tag := func(n int) string {
		revisions[n] = push(t, reg, "app", folder("a.yaml", fmt.Sprintf("a: %d\n", n)), "v1")
		return revisions[n].revision("v1")
	}
	first := tag(0)
	r.create("app", tagged(reg, "app", "v1"))
	r.until("app", exposes(first))
	r.annotate("app", v1.AnnotationWindow, shut())

	second := tag(1)
	r.poll("app")
	o := r.until("app", waiting(first, second))
	r.untilEvent("app", "Normal", v1.ReasonWindowClosed, nil)
	download(t, o)

	third := tag(2)
	r.annotate("app", v1.AnnotationAdopt, revisions[1].Digest) // it is not what the tag names any more
	r.until("app", waiting(first, third))
	r.annotate("app", v1.AnnotationAdopt, revisions[2].Digest)
	if o := r.until("app", exposes(third)); condition(o, v1.ConditionUpdatePending) != nil {
		t.Errorf("adopted, it is %s", summary(o))
	}

	fourth := tag(3)
	r.poll("app")
	r.until("app", waiting(third, fourth))
	r.annotate("app", v1.AnnotationAdopt, revisions[3].Digest)
	r.until("app", exposes(fourth))

	fifth := tag(4)
	r.poll("app")
	r.until("app", waiting(fourth, fifth))
	r.annotate("app", v1.AnnotationWindow, "")
	if o := r.until("app", exposes(fifth)); condition(o, v1.ConditionUpdatePending) != nil {
		t.Errorf("let go, it is %s", summary(o))
	}
	for i, o := range r.history("app")[1:] {
		if o.Status.Artifact != nil && !isReady(o) {
			t.Errorf("version %d: not ready while something waits: %s", i+1, summary(o))
		}
	}
}

// A change of the spec is none of what is in use, and waits as a whole; so it does when an object is suspended and resumed.
func TestChangedSpecsWaitForTheirWindow(t *testing.T) {
	t.Parallel()
	reg := registry.For(t, registry.Options{})
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n", "b.md", "b\n"), "v1")
	second := push(t, reg, "app", folder("a.yaml", "a: 2\n", "b.md", "b\n"), "v2")
	moved := push(t, reg, "moved", folder("a.yaml", "a: 1\n", "b.md", "b\n"), "v1")
	for name, test := range map[string]struct {
		change  func(*v1.OCIRepositorySpec)
		pending string // in the message
		adopt   string
	}{
		"ref":      {func(s *v1.OCIRepositorySpec) { s.Reference.Tag = "v2" }, second.revision("v2"), second.Digest},
		"digest":   {func(s *v1.OCIRepositorySpec) { s.Reference = &v1.OCIRepositoryRef{Digest: second.Digest} }, second.Digest, second.Digest},
		"ignore":   {func(s *v1.OCIRepositorySpec) { s.Ignore = new("*.md") }, "spec.ignore", first.Digest},
		"selector": {func(s *v1.OCIRepositorySpec) { s.LayerSelector = &v1.OCILayerSelector{Operation: v1.LayerCopy} }, "spec.layerSelector", first.Digest},
		"url":      {func(s *v1.OCIRepositorySpec) { s.URL = at(reg, "moved").URL }, "spec.url", moved.Digest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			r.create("app", tagged(reg, "app", "v1"))
			before := r.until("app", exposes(first.revision("v1")))
			r.annotate("app", v1.AnnotationWindow, shut())
			r.change("app", func(o *v1.OCIRepository) { test.change(&o.Spec) })
			still := answered(waiting(first.revision("v1"), test.pending))
			r.until("app", still)
			r.change("app", func(o *v1.OCIRepository) { o.Spec.Suspend = true })
			r.until("app", still)
			r.change("app", func(o *v1.OCIRepository) { o.Spec.Suspend = false })
			r.until("app", still)
			r.change("app", func(o *v1.OCIRepository) { o.Spec.Interval.Duration = 2 * time.Hour })
			r.until("app", still)
			o := r.poll("app")
			if diff := cmp.Diff(before.Status.Artifact, o.Status.Artifact); diff != "" || o.Status.ObservedIgnore != nil || o.Status.ObservedLayerSelector != nil {
				t.Errorf("what is in use (-before +after):\n%s\n%s", diff, show(o))
			}
			download(t, o)
			r.annotate("app", v1.AnnotationAdopt, test.adopt)
			o = r.until("app", want{"adopted", func(o *v1.OCIRepository) bool {
				return isReady(o) && condition(o, v1.ConditionUpdatePending) == nil
			}})
			source := strings.TrimPrefix(o.Spec.URL, "oci://") + "@" + test.adopt
			if !strings.HasSuffix(o.Status.Artifact.Revision, test.adopt) || o.Status.Artifact.Metadata[v1.MetadataSource] != source {
				t.Errorf("adopted, it is %s", show(o))
			}
			download(t, o)
		})
	}
}

// A first artifact waits, too, and nothing is fetched meanwhile; but what is wrong is told of at once.
func TestFirstArtifactWaitsForItsWindow(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	counts := reg.Proxy.Counts()
	object := &v1.OCIRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "app", Annotations: map[string]string{v1.AnnotationWindow: shut()}},
		Spec:       tagged(reg, "app", "v1"),
	}
	object.Spec.Interval.Duration = time.Hour
	if err := control.admin.Create(soon(t), object); err != nil {
		t.Fatal(err)
	}
	r.until("app", waitingFirst(first.revision("v1")))
	r.untilEvent("app", "Normal", v1.ReasonWindowClosed, nil)
	r.poll("app")
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Suspend = true })
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Suspend = false })
	r.until("app", waitingFirst(first.revision("v1")))
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Reference.Tag = "none" })
	r.until("app", fails(v1.ReasonPullFailed))
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Reference.Tag = "v1" })
	r.until("app", waitingFirst(first.revision("v1")))
	second := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1")
	r.poll("app")
	o := r.until("app", waitingFirst(second.revision("v1")))
	if got := reg.Proxy.Counts().Sub(counts); got.Of("GET", proxy.Manifest)+got.Of("GET", proxy.Blob) > 0 {
		t.Errorf("something was fetched: %v", got)
	}
	if o.Status.URL != "" {
		t.Errorf("it is %s", show(o))
	}
	r.annotate("app", v1.AnnotationAdopt, second.Digest)
	download(t, r.until("app", exposes(second.revision("v1"))))
}

// What is lost with the disk comes back as it was, outside of windows too, and nothing else comes in its place.
func TestLostDiskOutsideAWindow(t *testing.T) {
	t.Parallel()
	r := newShard(t, "lost-disk-shut")
	a := runAgent(t, agentOptions{Shard: "lost-disk-shut"})
	reg := registry.For(t, registry.Options{})
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n", "b.md", "b\n"), "v1")
	moved := push(t, reg, "moved", folder("a.yaml", "a: 2\n"), "v1")
	r.create("stays", tagged(reg, "app", "v1"))
	r.create("moves", tagged(reg, "app", "v1"))
	for _, name := range []string{"stays", "moves"} {
		r.until(name, exposes(first.revision("v1")))
		r.annotate(name, v1.AnnotationWindow, shut())
	}
	second := push(t, reg, "app", folder("a.yaml", "a: 3\n"), "v1")
	r.change("stays", func(o *v1.OCIRepository) { o.Spec.Ignore = new("*.md") })
	before := r.until("stays", answered(waiting(first.revision("v1"), second.revision("v1"))))
	r.change("moves", func(o *v1.OCIRepository) { o.Spec.URL = at(reg, "moved").URL })
	r.until("moves", answered(waiting(first.revision("v1"), moved.revision("v1"))))
	a.kill()
	if err := os.RemoveAll(filepath.Join(a.options.Dir, "store")); err != nil {
		t.Fatal(err)
	}
	a.again(t)
	o := r.until("moves", failsWith(v1.ReasonPullFailed, "it is not in the repository of spec.url"))
	if c := condition(o, v1.ConditionUpdatePending); c == nil || o.Status.Artifact.Revision != first.revision("v1") {
		t.Errorf("it is %s", summary(o))
	}
	o = r.poll("stays")
	download(t, o)
	if diff := cmp.Diff(before.Status.Artifact, o.Status.Artifact); diff != "" {
		t.Errorf("what is in use (-before +after):\n%s", diff)
	}
	r.annotate("moves", v1.AnnotationAdopt, moved.Digest)
	download(t, r.until("moves", exposes(moved.revision("v1"))))
}

// When the window opens, what waits is adopted then, however long the interval: a first artifact, too.
func TestWindowOpens(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	opens := time.Now().UTC().Add(10 * time.Second).Truncate(time.Minute).Add(time.Minute)
	object := &v1.OCIRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "app", Annotations: map[string]string{
			v1.AnnotationWindow: fmt.Sprintf("CRON_TZ=UTC %d %d * * * / 2m", opens.Minute(), opens.Hour()),
		}},
		Spec: tagged(reg, "app", "v1"),
	}
	object.Spec.Interval.Duration = time.Hour
	if err := control.admin.Create(soon(t), object); err != nil {
		t.Fatal(err)
	}
	r.until("app", waitingFirst(first.revision("v1")))
	idle(t, time.Until(opens))
	o := r.until("app", exposes(first.revision("v1")))
	if at := o.Status.Artifact.LastUpdateTime.Time; at.Before(opens) {
		t.Errorf("adopted at %s, before the window opens at %s", at, opens)
	}
}

// A slip in the annotation opens nothing and does not go unnoticed; what is in use stays.
func TestWindowThatIsWrong(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	r.until("app", exposes(first.revision("v1")))
	second := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1")
	r.annotate("app", v1.AnnotationWindow, "Mon-Fri 09:00-17:00")
	o := r.until("app", fails(v1.ReasonWindowInvalid))
	if condition(o, v1.ConditionStalled) == nil || o.Status.Artifact.Revision != first.revision("v1") {
		t.Errorf("it is %s", summary(o))
	}
	download(t, o)
	r.untilEvent("app", "Warning", v1.ReasonWindowInvalid, nil)
	r.annotate("app", v1.AnnotationWindow, "* * * * * / 1m")
	r.until("app", exposes(second.revision("v1")))
}
