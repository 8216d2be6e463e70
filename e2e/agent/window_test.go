package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

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

// Outside its windows an object is polled and its revision stays, ready all the time, until somebody asks for that very digest, changes
// the spec, or takes the windows away.
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
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Ignore = new("*.md") })
	r.until("app", exposes(fourth))

	fifth := tag(4)
	r.poll("app")
	r.until("app", waiting(fourth, fifth))
	r.annotate("app", v1.AnnotationWindow, "")
	if o := r.until("app", exposes(fifth)); condition(o, v1.ConditionUpdatePending) != nil {
		t.Errorf("let go, it is %s", summary(o))
	}
	for i, o := range r.history("app")[1:] {
		if o.Generation == 1 && o.Status.Artifact != nil && !isReady(o) {
			t.Errorf("version %d: not ready while something waits: %s", i+1, summary(o))
		}
	}
}

// A first artifact waits for nothing. When the window opens, what waits is adopted then, however long the interval.
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
	r.until("app", exposes(first.revision("v1")))
	second := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1")
	r.poll("app")
	r.until("app", waiting(first.revision("v1"), second.revision("v1")))
	idle(t, time.Until(opens))
	o := r.until("app", exposes(second.revision("v1")))
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
