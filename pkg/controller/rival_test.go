package controller

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// contest is an object that the agent left, and what happens to it afterwards.
type contest struct {
	rivals
	object *v1.OCIRepository
	now    time.Time
}

func newContest() *contest {
	c := &contest{object: after(stored(1)), now: noon}
	c.object.UID = "one"
	c.writes(string(fieldOwner), 1)
	c.left(c.object)
	return c
}

// writes has somebody write the status, two seconds later.
func (c *contest) writes(manager string, n int) {
	c.now = c.now.Add(2 * time.Second)
	at := metav1.NewTime(c.now)
	c.object.Status.Artifact.Revision = revision(n)
	c.object.ManagedFields = append(slices.DeleteFunc(c.object.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == manager }),
		metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, Subresource: "status", Time: &at})
}

func (c *contest) sees() encounter { return c.meet(c.object, c.now) }

func TestStandsBackFromWhoWritesAgain(t *testing.T) {
	t.Parallel()
	const other = "source-controller"
	tests := map[string]struct {
		happens func(*contest)
		want    string
	}{
		"nothing":                    {func(*contest) {}, ""},
		"another controller":         {func(c *contest) { c.writes(other, 2) }, other},
		"the same again":             {func(c *contest) { c.writes(other, 1) }, ""},
		"a person":                   {func(c *contest) { c.writes("kubectl-edit", 2) }, ""},
		"a person, after another":    {func(c *contest) { c.writes(other, 1); c.left(c.object); c.writes("kubectl", 2) }, ""},
		"another, after a person":    {func(c *contest) { c.writes("kubectl", 2); c.writes(other, 3) }, other},
		"another, before the agent":  {func(c *contest) { c.writes(other, 2); c.writes(string(fieldOwner), 3); c.left(c.object) }, ""},
		"nobody whom the cache knew": {func(c *contest) { c.object.Status.URL = "x" }, ""},
		"Flux's finalizer": {func(c *contest) {
			c.released(c.object)
			c.object.Finalizers = []string{v1.FinalizerFlux}
		}, "the controller that adds the finalizer " + v1.FinalizerFlux},
		"Flux's finalizer, never off": {func(c *contest) { c.object.Finalizers = []string{v1.FinalizerFlux} }, ""},
		"another object of that name": {func(c *contest) { c.object.UID = types.UID("two"); c.writes(other, 2) }, ""},
		"the object went meanwhile": {func(c *contest) {
			c.forget(types.NamespacedName{Namespace: key.Namespace, Name: key.Name})
			c.writes(other, 2)
		}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newContest()
			test.happens(c)
			if got := c.sees(); got.rival != test.want || got.back != (test.want != "") {
				t.Errorf("got %+v, want %q", got, test.want)
			}
		})
	}
}

// It says so once, stays back while the other one answers, and takes over when that one has owed an answer for a while.
func TestStandsBackWhileTheOtherAnswers(t *testing.T) {
	t.Parallel()
	c := newContest()
	c.object.Spec.Interval.Duration = time.Hour
	expect := func(what string, want encounter) {
		t.Helper()
		if got := c.sees(); got != want {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	c.writes("source-controller", 2)
	expect("at first", encounter{back: true, rival: "source-controller", wait: 2 * time.Hour})
	c.writes("source-controller", 3)
	expect("later", encounter{back: true, wait: 2 * time.Hour})

	c.object.Annotations = map[string]string{v1.AnnotationReconcileRequest: "now"}
	expect("asked", encounter{back: true, wait: silence})
	c.now = c.now.Add(silence / 2)
	expect("not yet", encounter{back: true, wait: silence / 2})
	c.object.Status.LastHandledReconcileAt = "now"
	expect("answered", encounter{back: true, wait: 2 * time.Hour})

	c.object.Generation = 2
	expect("changed", encounter{back: true, wait: silence})
	c.now = c.now.Add(silence - 1)
	c.object.Status.Conditions[0].ObservedGeneration = 2
	expect("at work", encounter{back: true, wait: 2 * time.Hour})

	c.object.Generation = 3
	c.object.Spec.Suspend = true
	expect("suspended", encounter{back: true, wait: 2 * time.Hour})
	c.object.Spec.Suspend = false
	expect("resumed", encounter{back: true, wait: silence})
	c.now = c.now.Add(silence)
	expect("gone", encounter{})
	c.left(c.object)
	expect("taken over", encounter{})
	c.writes("source-controller", 4)
	if got := c.sees(); !got.back || got.rival == "" {
		t.Errorf("back again: %+v", got)
	}
}

func TestAnswered(t *testing.T) {
	t.Parallel()
	asked := func(o *v1.OCIRepository) { o.Annotations = map[string]string{v1.AnnotationReconcileRequest: "now"} }
	working := func(o *v1.OCIRepository, generation int64, since time.Duration) {
		o.Status.Conditions = append(o.Status.Conditions, metav1.Condition{
			Type: v1.ConditionReconciling, Status: metav1.ConditionTrue, ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(noon.Add(-since)),
		})
	}
	tests := map[string]struct {
		happens func(*v1.OCIRepository)
		want    bool
	}{
		"nothing":                       {func(*v1.OCIRepository) {}, true},
		"a request":                     {asked, false},
		"a request taken back":          {func(o *v1.OCIRepository) { o.Status.LastHandledReconcileAt = "yesterday" }, true},
		"another spec":                  {func(o *v1.OCIRepository) { o.Generation = 2 }, false},
		"a request, being worked on":    {func(o *v1.OCIRepository) { asked(o); working(o, 1, 3*time.Minute) }, true},
		"a request, and work long ago":  {func(o *v1.OCIRepository) { asked(o); working(o, 1, time.Hour) }, false},
		"another spec, being worked on": {func(o *v1.OCIRepository) { o.Generation = 2; working(o, 2, 3*time.Minute) }, true},
		"work on the spec before":       {func(o *v1.OCIRepository) { o.Generation = 2; working(o, 1, 0) }, false},
		"suspended":                     {func(o *v1.OCIRepository) { asked(o); o.Spec.Suspend = true }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := after(stored(1))
			test.happens(object)
			if got := answered(object, noon); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

// What the agent writes itself is no news to it, whatever else it changes.
func TestContestedByOthersOnly(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		happens func(*contest)
		want    bool
	}{
		"the agent":                   {func(c *contest) { c.writes(string(fieldOwner), 2) }, false},
		"another controller":          {func(c *contest) { c.writes("source-controller", 2) }, true},
		"a person":                    {func(c *contest) { c.writes("kubectl-edit", 2) }, true},
		"the agent, after a person":   {func(c *contest) { c.object.ManagedFields = c.object.ManagedFields[1:] }, false},
		"the artifact goes":           {func(c *contest) { c.object.Status.Artifact = nil }, true},
		"Ready goes":                  {func(c *contest) { c.object.Status.Conditions = nil }, true},
		"Flux's finalizer comes":      {func(c *contest) { c.object.Finalizers = []string{v1.FinalizerFlux} }, true},
		"a finalizer that is no sign": {func(c *contest) { c.object.Finalizers = []string{"example.com/x"} }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newContest()
			before := c.object.DeepCopy()
			test.happens(c)
			if got := contested().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: c.object}); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestSlimKeepsWhoWroteTheStatus(t *testing.T) {
	t.Parallel()
	c := newContest()
	c.object.ManagedFields = append(c.object.ManagedFields, metav1.ManagedFieldsEntry{Manager: "kubectl"})
	c.object.ManagedFields[0].FieldsV1 = &metav1.FieldsV1{}
	if _, err := Slim(c.object); err != nil || len(c.object.ManagedFields) != 1 || c.object.ManagedFields[0].FieldsV1 != nil {
		t.Errorf("%+v, %v", c.object.ManagedFields, err)
	}
	if got, err := Slim("no object"); got != "no object" || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}
