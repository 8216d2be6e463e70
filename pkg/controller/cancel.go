package controller

import (
	"cmp"
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// runs are those under way, so that one is ended whose answer nobody waits for any more. The zero value is ready.
type runs struct {
	mu      sync.Mutex
	current map[types.NamespacedName]running
}

type running struct {
	uid        types.UID
	generation int64
	end        context.CancelCauseFunc
}

// begin takes note of a run for the object as it is now. Its context ends with errSuperseded when another spec has to be answered,
// with errAmended when another policy counts, and with done, which the caller calls.
func (r *runs) begin(ctx context.Context, object *v1.OCIRepository) (run context.Context, done func()) {
	run, end := context.WithCancelCause(ctx)
	name := client.ObjectKeyFromObject(object)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		r.current = map[types.NamespacedName]running{}
	}
	r.current[name] = running{object.UID, object.Generation, end}
	return run, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.current, name)
		end(nil)
	}
}

// seen ends the run for an object that is gone, or of which the spec is another one now. To suspend or delete it changes the spec.
func (r *runs) seen(object client.Object, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	run, ok := r.current[client.ObjectKeyFromObject(object)]
	if ok && (gone || run.uid != object.GetUID() || run.generation != object.GetGeneration()) {
		run.end(errSuperseded)
	}
}

// amended ends all runs: what they began with may not be what is permitted and required now.
func (r *runs) amended() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, run := range r.current {
		run.end(errAmended)
	}
}

// watch has runs end as soon as the cache knows better. It adds nothing to the queue: others do that for the same reasons.
func (r *runs) watch() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	return handler.Funcs{
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, _ queue) { r.seen(e.ObjectNew, false) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, _ queue) { r.seen(e.Object, true) },
	}
}

// attempt is a run whose outcome may be written. Its error is errSuperseded or errAmended when nobody waits for that any more: it ends early,
// and what it stored goes.
func (r *Reconciler) attempt(ctx context.Context, object *v1.OCIRepository) (outcome, error) {
	ctx, done := r.runs.begin(ctx, object)
	defer done()
	if !r.current(ctx, object) { // it changed after it was read, before anybody could end the run
		return outcome{}, errSuperseded
	}
	found := r.run(ctx, object)
	err := context.Cause(ctx)
	if err == nil && !r.inForce(ctx, object, found) {
		err = errAmended
	}
	if err != nil {
		return outcome{}, cmp.Or(r.discard(object, found), err)
	}
	return found, nil
}

// current tells whether the cache still has the object with the spec that was read.
func (r *Reconciler) current(ctx context.Context, object *v1.OCIRepository) bool {
	now, err := r.read(ctx, client.ObjectKeyFromObject(object))
	return err == nil && now.UID == object.UID && now.Generation == object.Generation
}
