package controller

import (
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// fairQueue hands out objects so that those of one namespace never take all workers, however many there are and however slow their
// registries: with n namespaces at work, each may hold one part in n+1 of the workers, so that there is room for one more. An object
// of a namespace that has its share is put aside, in order, until a worker is back from that namespace.
type fairQueue struct {
	priorityqueue.PriorityQueue[reconcile.Request]

	workers int
	mu      sync.Mutex
	held    map[string]int    // workers, by namespace
	aside   map[string][]turn // by namespace, oldest first
}

type turn struct {
	request  reconcile.Request
	priority int
}

// workersFor is how many workers there have to be, so that a namespace that is alone has as many as it may.
func workersFor(concurrent int) int { return 2 * concurrent }

// newFairQueue makes the queue that a controller with so many workers asks for.
func newFairQueue(workers int) func(string, workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	return func(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
		inner := priorityqueue.New(name, func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter })
		return &fairQueue{PriorityQueue: inner, workers: workers, held: map[string]int{}, aside: map[string][]turn{}}
	}
}

// Get waits for an object whose turn it is.
func (q *fairQueue) Get() (reconcile.Request, bool) {
	request, _, shutdown := q.GetWithPriority()
	return request, shutdown
}

// GetWithPriority waits for an object whose turn it is. Whoever gets one calls Done, and comes back: so none that was put aside is
// forgotten.
func (q *fairQueue) GetWithPriority() (reconcile.Request, int, bool) {
	if next, ok := q.pick(); ok {
		return next.request, next.priority, false
	}
	for {
		request, priority, shutdown := q.PriorityQueue.GetWithPriority()
		if shutdown {
			return request, priority, true
		}
		if next, ok := q.exchange(turn{request, priority}); ok {
			return next.request, next.priority, false
		}
	}
}

// Done gives the worker back.
func (q *fairQueue) Done(request reconcile.Request) {
	q.mu.Lock()
	if q.held[request.Namespace]--; q.held[request.Namespace] <= 0 {
		delete(q.held, request.Namespace)
	}
	q.mu.Unlock()
	q.PriorityQueue.Done(request)
}

// pick takes an object that was put aside and whose namespace has room again, of the namespace that holds the fewest workers.
func (q *fairQueue) pick() (turn, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	best, found := "", false
	for namespace := range q.aside {
		if q.hasRoom(namespace) && (!found || q.held[namespace] < q.held[best]) {
			best, found = namespace, true
		}
	}
	if !found {
		return turn{}, false
	}
	return q.take(best), true
}

// exchange puts an object aside and takes the oldest one of its namespace, if that has room.
func (q *fairQueue) exchange(t turn) (turn, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	namespace := t.request.Namespace
	q.aside[namespace] = append(q.aside[namespace], t)
	if !q.hasRoom(namespace) {
		return turn{}, false
	}
	return q.take(namespace), true
}

func (q *fairQueue) hasRoom(namespace string) bool {
	atWork := len(q.held)
	if q.held[namespace] == 0 {
		atWork++
	}
	return q.held[namespace] < max(1, q.workers/(atWork+1))
}

func (q *fairQueue) take(namespace string) turn {
	next := q.aside[namespace][0]
	if q.aside[namespace] = q.aside[namespace][1:]; len(q.aside[namespace]) == 0 {
		delete(q.aside, namespace)
	}
	q.held[namespace]++
	return next
}
