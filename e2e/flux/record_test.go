package flux_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// patience is how long a test waits for anything before it gives up. The agent itself has a minute's, with another controller.
const patience = 2 * time.Minute

// soon is a context for one wait.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("nothing came of it"))
	t.Cleanup(cancel)
	return ctx
}

// record is all that happened to the objects of a namespace, as the API server told it.
type record struct {
	t *testing.T

	mu      sync.Mutex
	all     map[string][]watch.Event // by kind and name, oldest first
	changed chan struct{}            // closed and replaced whenever something is added
}

// newRecord records until the test ends.
func newRecord(t *testing.T, c *cluster, namespace string) *record {
	t.Helper()
	r := &record{t: t, all: map[string][]watch.Event{}, changed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var watches sync.WaitGroup
	for _, kind := range []client.ObjectList{&v1.OCIRepositoryList{}, &kustomizev1.KustomizationList{}, &corev1.ConfigMapList{}, &eventsv1.EventList{}} {
		w, err := c.admin.Watch(ctx, kind, client.InNamespace(namespace))
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
	})
	return r
}

func (r *record) add(event watch.Event) {
	object, ok := event.Object.(client.Object)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := keyOf(object, object.GetName())
	r.all[key] = append(r.all[key], event)
	close(r.changed)
	r.changed = make(chan struct{})
}

func keyOf(kind client.Object, name string) string { return fmt.Sprintf("%T %s", kind, name) }

// wait blocks until the record satisfies done, which may read it.
func (r *record) wait(key, what string, done func() bool) {
	r.t.Helper()
	ctx := soon(r.t)
	for {
		r.mu.Lock()
		satisfied, changed := done(), r.changed
		r.mu.Unlock()
		if satisfied {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			r.t.Fatalf("wait until %s %s: %v; what happened:\n%s", key, what, context.Cause(ctx), r.story(key))
		}
	}
}

// until waits until the newest version of an object is what the test wants, and returns it.
func until[T client.Object](r *record, name, what string, is func(T) bool) (found T) {
	r.t.Helper()
	key := keyOf(found, name)
	r.wait(key, what, func() bool {
		all := r.all[key]
		if len(all) == 0 || all[len(all)-1].Type == watch.Deleted {
			return false
		}
		newest := all[len(all)-1].Object.(T)
		if is(newest) {
			found = newest
			return true
		}
		return false
	})
	return found
}

// untilGone waits until an object was deleted.
func untilGone[T client.Object](r *record, name string) {
	r.t.Helper()
	var kind T
	key := keyOf(kind, name)
	r.wait(key, "is gone", func() bool {
		all := r.all[key]
		return len(all) > 0 && all[len(all)-1].Type == watch.Deleted
	})
}

// history of an object so far, deletions too.
func history[T client.Object](r *record, name string) (versions []T, deleted int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var kind T
	for _, event := range r.all[keyOf(kind, name)] {
		versions = append(versions, event.Object.(T))
		if event.Type == watch.Deleted {
			deleted++
		}
	}
	return versions, deleted
}

// untilEvent waits for an event about an object.
func (r *record) untilEvent(name, kind, reason string) *eventsv1.Event {
	r.t.Helper()
	var found *eventsv1.Event
	r.wait(keyOf(&v1.OCIRepository{}, name), "has an event "+kind+" "+reason, func() bool {
		for _, all := range r.all {
			e, ok := all[len(all)-1].Object.(*eventsv1.Event)
			if ok && e.Regarding.Name == name && e.Type == kind && e.Reason == reason {
				found = e
			}
		}
		return found != nil
	})
	return found
}

// story of an object for a person: its last version, and all events of the namespace.
func (r *record) story(key string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	if all := r.all[key]; len(all) > 0 {
		object := all[len(all)-1].Object.DeepCopyObject().(client.Object)
		object.SetManagedFields(nil)
		raw, _ := yaml.Marshal(object)
		fmt.Fprintf(&b, "%d versions, the last one %s\n%s", len(all), all[len(all)-1].Type, raw)
	}
	for _, all := range r.all {
		if e, ok := all[len(all)-1].Object.(*eventsv1.Event); ok {
			fmt.Fprintf(&b, "event about %s %s: %s %s: %s\n", e.Regarding.Kind, e.Regarding.Name, e.Type, e.Reason, e.Note)
		}
	}
	return b.String()
}
