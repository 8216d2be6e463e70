package controller

import (
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// fairQueue hands out objects as turns says, each to one worker at a time. What is wanted later and again is wanted once: at the
// earliest of these times, and with the highest priority.
type fairQueue struct {
	workqueue.TypedRateLimiter[reconcile.Request]

	queue workqueue.TypedInterface[reconcile.Request] // of what may be taken now; it keeps its order in turns, and the metrics
	mu    sync.Mutex                                  // held in all uses of queue and turns
	freed sync.Cond                                   // something may be taken now, or never again
	turns turns
	count uint64 // of what became ready to be taken
}

var _ priorityqueue.PriorityQueue[reconcile.Request] = &fairQueue{}

// want is that somebody wants an object to be looked at.
type want struct {
	request  reconcile.Request
	priority int
	number   uint64      // of those of one priority, the lower one is first
	at       time.Time   // not before; of no meaning without a timer
	timer    *time.Timer // nil: it may be taken
}

// workersFor is how many workers there have to be, so that a namespace that is alone has as many as it may.
func workersFor(concurrent int) int { return 2 * concurrent }

// newFairQueue makes the queue that a controller with so many workers asks for.
func newFairQueue(workers int) func(string, workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	return func(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
		q := &fairQueue{TypedRateLimiter: limiter, turns: turns{
			workers: workers,
			wanted:  map[reconcile.Request]*want{},
			held:    map[string]int{},
			waiting: map[string][]*want{},
		}}
		q.freed.L = &q.mu
		q.queue = workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[reconcile.Request]{Name: name, Queue: &q.turns})
		return q
	}
}

// Get waits for an object whose turn it is.
func (q *fairQueue) Get() (reconcile.Request, bool) {
	request, _, shutdown := q.GetWithPriority()
	return request, shutdown
}

// GetWithPriority waits for an object whose turn it is.
func (q *fairQueue) GetWithPriority() (reconcile.Request, int, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.queue.ShuttingDown() && q.turns.next() == nil {
		q.freed.Wait()
	}
	if q.queue.ShuttingDown() {
		return reconcile.Request{}, 0, true
	}
	request, _ := q.queue.Get() // it does not wait
	priority := q.turns.wanted[request].priority
	delete(q.turns.wanted, request)
	return request, priority, false
}

// Done gives the worker back, by which the share of other namespaces may grow.
func (q *fairQueue) Done(request reconcile.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turns.release(request)
	q.queue.Done(request)
	q.freed.Broadcast()
}

// Add wants an object to be looked at now.
func (q *fairQueue) Add(request reconcile.Request) { q.AddWithOpts(priorityqueue.AddOpts{}, request) }

// AddAfter wants an object to be looked at after some time.
func (q *fairQueue) AddAfter(request reconcile.Request, after time.Duration) {
	q.AddWithOpts(priorityqueue.AddOpts{After: after}, request)
}

// AddRateLimited wants an object to be looked at after a pause that grows.
func (q *fairQueue) AddRateLimited(request reconcile.Request) {
	q.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, request)
}

// AddWithOpts wants objects to be looked at.
func (q *fairQueue) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, request := range requests {
		after := o.After
		if o.RateLimited {
			if pause := q.When(request); after == 0 || pause < after {
				after = pause
			}
		}
		priority := 0
		if o.Priority != nil {
			priority = *o.Priority
		}
		q.want(request, priority, after)
	}
}

// want takes note of what is wanted. What may be taken already does not have to wait any more.
func (q *fairQueue) want(request reconcile.Request, priority int, after time.Duration) {
	if q.queue.ShuttingDown() {
		return
	}
	w, known := q.turns.wanted[request]
	if !known {
		w = &want{request: request, priority: priority}
		q.turns.wanted[request] = w
	}
	ready, raised := known && w.timer == nil, priority > w.priority
	w.priority = max(w.priority, priority)
	switch {
	case !ready && after <= 0, ready && raised:
		q.now(w)
	case !ready && (!known || time.Until(w.at) > after):
		q.later(w, after)
	}
}

// now has an object taken when it is its turn, as the last one of those with its priority.
func (q *fairQueue) now(w *want) {
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	q.count++
	w.number = q.count
	q.queue.Add(w.request)
	q.freed.Signal()
}

func (q *fairQueue) later(w *want, after time.Duration) {
	w.at = time.Now().Add(after)
	if w.timer == nil {
		w.timer = time.AfterFunc(after, func() { q.due(w.request) })
		return
	}
	w.timer.Reset(after)
}

// due is called when a timer ran out, which may be that of something wanted before.
func (q *fairQueue) due(request reconcile.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w := q.turns.wanted[request]; w != nil && w.timer != nil && !time.Now().Before(w.at) {
		q.now(w)
	}
}

// Len counts the objects that wait for a worker.
func (q *fairQueue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.queue.Len()
}

// ShuttingDown tells whether nothing is taken any more.
func (q *fairQueue) ShuttingDown() bool { return q.queue.ShuttingDown() }

// ShutDown has workers end that wait or come back.
func (q *fairQueue) ShutDown() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue.ShutDown()
	q.freed.Broadcast()
}

// ShutDownWithDrain is ShutDown: what is wanted is found again at the next start.
func (q *fairQueue) ShutDownWithDrain() { q.ShutDown() }
