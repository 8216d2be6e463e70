package registry

import (
	"container/list"
	"time"
)

// recent keeps what was used lately. What comes in when it is full takes the place of what was used longest ago; that one still serves
// whoever has it. It is not safe for concurrent use.
type recent[K comparable, V any] struct {
	room int        // in the units of weight
	drop func(K, V) // told of what goes; nil: nobody is told

	entries map[K]*list.Element // of *entry[K, V]
	order   list.List           // used last in front
	weight  int
}

type entry[K comparable, V any] struct {
	key    K
	value  V
	weight int
	used   time.Time
}

// What nobody used for this long is forgotten: a rotated password or a deleted object leaves nothing behind.
const keepUnused = time.Hour

func newRecent[K comparable, V any](room int, drop func(K, V)) *recent[K, V] {
	return &recent[K, V]{room: room, drop: drop, entries: map[K]*list.Element{}}
}

// use gives what is kept under k, if there is any, and notes that it is in use.
func (r *recent[K, V]) use(k K) (V, bool) {
	found, ok := r.entries[k]
	if !ok {
		var none V
		return none, false
	}
	r.order.MoveToFront(found)
	e := found.Value.(*entry[K, V])
	e.used = time.Now()
	return e.value, true
}

// add keeps v under k, which has nothing yet.
func (r *recent[K, V]) add(k K, v V, weight int) {
	r.entries[k] = r.order.PushFront(&entry[K, V]{k, v, weight, time.Now()})
	for r.weight += weight; r.weight > r.room && r.order.Len() > 1; {
		r.remove(r.order.Back())
	}
}

// sweep forgets what has not been used for long.
func (r *recent[K, V]) sweep() {
	for last := r.order.Back(); last != nil && time.Since(last.Value.(*entry[K, V]).used) >= keepUnused; last = r.order.Back() {
		r.remove(last)
	}
}

// forget drops what has a key of that kind.
func (r *recent[K, V]) forget(kind func(K) bool) {
	for k, found := range r.entries {
		if kind(k) {
			r.remove(found)
		}
	}
}

func (r *recent[K, V]) remove(found *list.Element) {
	e := r.order.Remove(found).(*entry[K, V])
	r.weight -= e.weight
	delete(r.entries, e.key)
	if r.drop != nil {
		r.drop(e.key, e.value)
	}
}

// keep gives what r has under k, made when missing.
func keep[K comparable, V any](r *recent[K, V], k K, create func() V) V {
	if known, ok := r.use(k); ok {
		return known
	}
	fresh := create()
	r.add(k, fresh, 1)
	return fresh
}
