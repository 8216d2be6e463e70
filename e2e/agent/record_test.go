package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// record is all that happened to the objects of a namespace, as the API server told it.
type record struct {
	t         *testing.T
	namespace string

	mu       sync.Mutex
	versions map[string][]*v1.OCIRepository // by name, oldest first
	gone     map[string]bool
	events   []*eventsv1.Event
	changed  chan struct{} // closed and replaced whenever something is added
	problems []string
	served   map[string]bool // digests whose bytes were downloaded; nil: the agent may be away, nobody looks
}

// newRecord records until the test ends, and then fails it where an object was not what it must be at any moment.
// The bytes that objects of the shared agent advertise are downloaded too, at once.
func newRecord(t *testing.T, namespace, shard string) *record {
	t.Helper()
	r := &record{t: t, namespace: namespace, versions: map[string][]*v1.OCIRepository{}, gone: map[string]bool{}, changed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var watches sync.WaitGroup
	if shard == "" {
		r.served = map[string]bool{}
	}
	for _, kind := range []client.ObjectList{&v1.OCIRepositoryList{}, &eventsv1.EventList{}} {
		w, err := control.admin.Watch(ctx, kind, client.InNamespace(namespace))
		if err != nil {
			t.Fatal(err)
		}
		watches.Go(func() {
			for event := range w.ResultChan() {
				r.add(event)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		watches.Wait()
		for _, problem := range r.problems {
			t.Error(problem)
		}
	})
	return r
}

func (r *record) add(event watch.Event) {
	var problems []string
	object, ok := event.Object.(*v1.OCIRepository)
	if ok && event.Type != watch.Deleted {
		problems = inspect(object)
		if r.served != nil && isReady(object) && !r.served[object.Status.Artifact.URL] {
			r.served[object.Status.Artifact.URL] = true
			problems = append(problems, unserved(r.t, object)...)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, problem := range problems {
		r.problems = append(r.problems, fmt.Sprintf("%s in\n%s", problem, show(object)))
	}
	switch object := event.Object.(type) {
	case *v1.OCIRepository:
		r.gone[object.Name] = event.Type == watch.Deleted
		r.versions[object.Name] = append(r.versions[object.Name], object)
	case *eventsv1.Event:
		if event.Type != watch.Deleted {
			r.events = append(r.events, object)
		}
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// wait blocks until the record of an object satisfies done.
func (r *record) wait(name, what string, done func() bool) {
	r.t.Helper()
	r.waitIn(r.t, name, what, done)
}

// waitIn is wait for a part of the test, which fails alone.
func (r *record) waitIn(t *testing.T, name, what string, done func() bool) {
	t.Helper()
	ctx := soon(t)
	for {
		r.mu.Lock()
		satisfied, changed := done(), r.changed
		r.mu.Unlock()
		if satisfied {
			return
		}
		select {
		case <-changed:
		case <-r.died():
			t.Fatalf("wait until %s: %v", what, shared.Err())
		case <-ctx.Done():
			t.Fatalf("wait until %s: %v; what happened:\n%s", what, context.Cause(ctx), r.story(name))
		}
	}
}

// died is closed when the shared agent, if it is that one's room, has ended: then nothing will come of waiting.
func (r *record) died() <-chan struct{} {
	if r.served == nil {
		return nil
	}
	return shared.Done()
}

// want is a state of an object that a test waits for.
type want struct {
	what string
	is   func(*v1.OCIRepository) bool
}

// until waits until the newest version of an object is what the test wants, and returns it.
func (r *record) until(name string, w want) *v1.OCIRepository {
	r.t.Helper()
	var found *v1.OCIRepository
	r.wait(name, fmt.Sprintf("%s is %s", name, w.what), func() bool {
		if all := r.versions[name]; len(all) > 0 && !r.gone[name] && w.is(all[len(all)-1]) {
			found = all[len(all)-1]
		}
		return found != nil
	})
	return found
}

// untilEvent waits for an event about an object and returns it.
func (r *record) untilEvent(name, kind, reason string, is func(*eventsv1.Event) bool) *eventsv1.Event {
	r.t.Helper()
	var found *eventsv1.Event
	r.wait(name, fmt.Sprintf("there is an event %s %s about %s", kind, reason, name), func() bool {
		for _, e := range r.events {
			if e.Regarding.Name == name && e.Type == kind && e.Reason == reason && (is == nil || is(e)) {
				found = e
			}
		}
		return found != nil
	})
	return found
}

// untilSeen waits until the record holds this version or a newer one, so that nobody takes an older one for the answer to it.
func (r *record) untilSeen(o *v1.OCIRepository) {
	r.t.Helper()
	r.wait(o.Name, "version "+o.ResourceVersion+" of "+o.Name+" is seen", func() bool {
		return slices.ContainsFunc(r.versions[o.Name], func(v *v1.OCIRepository) bool { return v.ResourceVersion == o.ResourceVersion })
	})
}

// history of an object: its versions so far, oldest first.
func (r *record) history(name string) []*v1.OCIRepository {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.versions[name]
}

// told is the events about an object so far, as "type reason".
func (r *record) told(name string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for _, e := range r.events {
		if e.Regarding.Name == name {
			lines = append(lines, e.Type+" "+e.Reason)
		}
	}
	return lines
}

// story is an object's record for a person.
func (r *record) story(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for i, o := range r.versions[name] {
		fmt.Fprintf(&b, "version %s, generation %d: %s\n", o.ResourceVersion, o.Generation, summary(o))
		if i == len(r.versions[name])-1 {
			fmt.Fprintln(&b, show(o))
		}
	}
	for _, e := range r.events {
		if e.Regarding.Name == name {
			fmt.Fprintf(&b, "event %s %s: %s\n", e.Type, e.Reason, e.Note)
		}
	}
	return b.String()
}

// summary is the conditions of an object on one line.
func summary(o *v1.OCIRepository) string {
	parts := []string{fmt.Sprintf("observed %d", o.Status.ObservedGeneration)}
	for _, c := range o.Status.Conditions {
		parts = append(parts, fmt.Sprintf("%s=%s %s", c.Type, c.Status, c.Reason))
	}
	if o.Status.Artifact != nil {
		parts = append(parts, o.Status.Artifact.Revision)
	}
	return strings.Join(parts, ", ")
}

func show(o *v1.OCIRepository) string {
	o = o.DeepCopy()
	o.ManagedFields = nil
	raw, err := yaml.Marshal(o)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

func condition(o *v1.OCIRepository, kind string) *metav1.Condition {
	return meta.FindStatusCondition(o.Status.Conditions, kind)
}

// messageOf is what people read in the column Status.
func messageOf(o *v1.OCIRepository) string { return condition(o, v1.ConditionReady).Message }

// isReady tells whether the object as it is now is exposed.
func isReady(o *v1.OCIRepository) bool {
	c := condition(o, v1.ConditionReady)
	return c != nil && c.Status == metav1.ConditionTrue && o.Status.ObservedGeneration == o.Generation && o.Status.Artifact != nil
}
