package controller

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// crew is workers that take objects from a queue and are slow: each works until the test lets it go.
type crew struct {
	t     *testing.T
	queue *fairQueue
	taken chan reconcile.Request
	done  chan reconcile.Request
}

// low is the priority of what nobody waits for.
func low() priorityqueue.AddOpts {
	return priorityqueue.AddOpts{Priority: new(handler.LowPriority)}
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

// Whatever waits is taken in the end, each once.
func TestNothingThatWaitsIsForgotten(t *testing.T) {
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
	if n := c.queue.Len(); n != 0 {
		t.Errorf("%d objects are left", n)
	}
}

// What a person changed overtakes what nobody waits for, also where that was there before and its namespace has its share already.
func TestPriorityCountsWithinANamespace(t *testing.T) {
	t.Parallel()
	c := newCrew(t, workersFor(10))
	for i := range 200 {
		c.queue.AddWithOpts(low(), requestFor("flux-system", i))
	}
	_, held := c.takes(10)
	if n := depth(t, t.Name()); n != 190 {
		t.Errorf("%v objects wait, says workqueue_depth", n)
	}
	raised, urgent := requestFor("flux-system", 150), requestFor("flux-system", 999)
	c.queue.Add(raised) // it waits already
	c.queue.Add(urgent)
	c.queue.Add(raised)
	for i, want := range []reconcile.Request{raised, urgent, requestFor("flux-system", 10), requestFor("flux-system", 11)} {
		c.done <- held[i]
		if _, next := c.takes(1); next[0] != want {
			t.Errorf("%v comes before %v", next[0], want)
		}
	}
}

// depth is what the metric of a queue says.
func depth(t *testing.T, queue string) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "workqueue_depth" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == queue {
				return m.GetGauge().GetValue()
			}
		}
	}
	return -1
}

// A share that grows is used at once, by as many as there is room for.
func TestShareGrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, workersFor(10))
		c.add("quick", 1)
		_, quick := c.takes(1)
		c.add("slow", 100)
		c.takes(6) // a third part
		synctest.Wait()
		c.done <- quick[0]
		c.takes(4)
	})
}

// What is wanted more than once is taken once, at the earliest time.
func TestWantedLater(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		add  func(*fairQueue, reconcile.Request)
		want []time.Duration
	}{
		"later":             {func(q *fairQueue, r reconcile.Request) { q.AddAfter(r, time.Hour) }, []time.Duration{time.Hour}},
		"later, and now":    {func(q *fairQueue, r reconcile.Request) { q.AddAfter(r, time.Hour); q.Add(r) }, []time.Duration{0}},
		"now, and later":    {func(q *fairQueue, r reconcile.Request) { q.Add(r); q.AddAfter(r, time.Hour) }, []time.Duration{0}},
		"later, and sooner": {func(q *fairQueue, r reconcile.Request) { q.AddAfter(r, time.Hour); q.AddAfter(r, time.Minute) }, []time.Duration{time.Minute}},
		"later, and still later": {func(q *fairQueue, r reconcile.Request) { q.AddAfter(r, time.Minute); q.AddAfter(r, time.Hour) },
			[]time.Duration{time.Minute}},
		"after a pause": {func(q *fairQueue, r reconcile.Request) { q.AddRateLimited(r) }, []time.Duration{time.Second}},
		"at work, and wanted": {func(q *fairQueue, r reconcile.Request) {
			q.Add(r)
			q.Get()
			q.Add(r)
			q.AddAfter(r, time.Minute)
			time.AfterFunc(time.Second, func() { q.Done(r) })
		}, []time.Duration{time.Second}},
		"at work, and wanted later": {func(q *fairQueue, r reconcile.Request) {
			q.Add(r)
			q.Get()
			q.AddAfter(r, time.Minute)
			q.Done(r)
		}, []time.Duration{time.Minute}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](time.Second, time.Minute)
				q := newFairQueue(2)("", limiter).(*fairQueue) //nolint:forcetypeassert // it is one
				start := time.Now()
				test.add(q, requestFor("a", 1))
				time.AfterFunc(2*time.Hour, q.ShutDown)
				var got []time.Duration
				for {
					request, shutdown := q.Get()
					if shutdown {
						break
					}
					got = append(got, time.Since(start))
					q.Done(request)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("taken after (-want +got):\n%s", diff)
				}
			})
		})
	}
}
