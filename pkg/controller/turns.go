package controller

import (
	"cmp"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// turns is whose turn it is of the objects that wait. Those of one namespace never take all workers, however many there are and however
// slow their registries: with n namespaces at work, each may hold one part in n+1 of the workers, so that there is room for one more.
// Of those that may be taken the one of the highest priority is next, of equals one of the namespace that holds the fewest workers,
// and then the one that came first. A work queue keeps what waits in it.
type turns struct {
	workers int
	wanted  map[reconcile.Request]*want // as the queue knows them
	held    map[string]int              // workers, by namespace
	waiting map[string][]*want          // by namespace, the next one first
}

// Push adds an object.
func (t *turns) Push(request reconcile.Request) {
	w := t.wanted[request]
	line := t.waiting[request.Namespace]
	at, _ := slices.BinarySearchFunc(line, w, sooner)
	t.waiting[request.Namespace] = slices.Insert(line, at, w)
}

// Touch puts an object where it belongs now.
func (t *turns) Touch(request reconcile.Request) {
	line := t.waiting[request.Namespace]
	at := slices.Index(line, t.wanted[request])
	t.waiting[request.Namespace] = slices.Delete(line, at, at+1)
	t.Push(request)
}

// Len counts all that wait, whether or not they may be taken.
func (t *turns) Len() int {
	n := 0
	for _, line := range t.waiting {
		n += len(line)
	}
	return n
}

// Pop takes the next object. There has to be one that may be taken.
func (t *turns) Pop() reconcile.Request {
	next := t.next()
	namespace := next.request.Namespace
	if t.waiting[namespace] = t.waiting[namespace][1:]; len(t.waiting[namespace]) == 0 {
		delete(t.waiting, namespace)
	}
	t.held[namespace]++
	return next.request
}

// next is the object that Pop would take; nil: none may be taken.
func (t *turns) next() *want {
	var best *want
	for namespace, line := range t.waiting {
		if t.hasRoom(namespace) && (best == nil || t.order(line[0], best) < 0) {
			best = line[0]
		}
	}
	return best
}

func (t *turns) hasRoom(namespace string) bool {
	atWork := len(t.held)
	if t.held[namespace] == 0 {
		atWork++
	}
	return t.held[namespace] < max(1, t.workers/(atWork+1))
}

// release gives back the worker of an object.
func (t *turns) release(request reconcile.Request) {
	if t.held[request.Namespace]--; t.held[request.Namespace] <= 0 {
		delete(t.held, request.Namespace)
	}
}

func (t *turns) order(a, b *want) int {
	return cmp.Or(
		cmp.Compare(b.priority, a.priority),
		cmp.Compare(t.held[a.request.Namespace], t.held[b.request.Namespace]),
		cmp.Compare(a.number, b.number),
	)
}

// sooner is the order within a namespace.
func sooner(a, b *want) int {
	return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.number, b.number))
}
