package controller

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// crew is workers that take objects from a queue and are slow: each works until the test lets it go.
type crew struct {
	t     *testing.T
	queue *fairQueue
	taken chan reconcile.Request
	done  chan reconcile.Request
}

func newCrew(t *testing.T, workers int) *crew {
	t.Helper()
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](time.Second, time.Minute)
	c := &crew{t: t, queue: newFairQueue(workers)(t.Name(), limiter).(*fairQueue), taken: make(chan reconcile.Request), done: make(chan reconcile.Request)}
	t.Cleanup(c.queue.ShutDown)
	for range workers {
		go c.work()
	}
	return c
}

func (c *crew) work() {
	for {
		request, shutdown := c.queue.Get()
		if shutdown {
			return
		}
		select {
		case c.taken <- request:
		case <-c.t.Context().Done():
			return
		}
		select {
		case request = <-c.done: // whichever: workers are alike
			c.queue.Done(request)
		case <-c.t.Context().Done():
			return
		}
	}
}

func (c *crew) add(namespace string, n int) {
	for i := range n {
		c.queue.Add(requestFor(namespace, i))
	}
}

func requestFor(namespace string, i int) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: fmt.Sprintf("%03d", i)}}
}

// takes waits until this many objects are taken, and gives how many are of each namespace.
func (c *crew) takes(n int) (byNamespace map[string]int, all []reconcile.Request) {
	c.t.Helper()
	byNamespace = map[string]int{}
	for range n {
		select {
		case r := <-c.taken:
			byNamespace[r.Namespace]++
			all = append(all, r)
		case <-time.After(10 * time.Second):
			c.t.Fatalf("no more than %v are taken, want %d", byNamespace, n)
		}
	}
	return byNamespace, all
}

// One namespace has all that it may, and there is always room for one more.
func TestOneNamespaceStarvesNoOther(t *testing.T) {
	t.Parallel()
	c := newCrew(t, workersFor(10))
	c.add("slow", 500)
	_, slow := c.takes(10)
	c.add("quick", 1)
	if got, _ := c.takes(1); got["quick"] != 1 {
		t.Errorf("taken next: %v", got)
	}
	c.add("third", 100)
	if got, _ := c.takes(5); got["third"] != 5 { // a fourth part of 20: three are at work
		t.Errorf("taken next: %v", got)
	}
	c.add("fourth", 1)
	if got, _ := c.takes(1); got["fourth"] != 1 {
		t.Errorf("taken next: %v", got)
	}
	for _, r := range slow[:6] { // it holds more than its share now
		c.done <- r
	}
	c.add("fifth", 1)
	if got, _ := c.takes(1); got["fifth"] != 1 {
		t.Errorf("taken next: %v", got)
	}
}

// Whatever is put aside is taken in the end, each once.
func TestNothingPutAsideIsForgotten(t *testing.T) {
	t.Parallel()
	c := newCrew(t, 4)
	const each = 50
	for _, namespace := range []string{"a", "b", "c", "d", "e"} {
		c.add(namespace, each)
	}
	seen := map[reconcile.Request]bool{}
	for range 5 * each {
		_, all := c.takes(1)
		if seen[all[0]] {
			t.Errorf("%v is taken twice", all[0])
		}
		seen[all[0]] = true
		c.done <- all[0]
	}
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	if n := len(c.queue.aside); n != 0 {
		t.Errorf("objects of %d namespaces are left", n)
	}
}
