package controller

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// duel is one object in a cluster with an agent that stands back from it, and with another program.
type duel struct {
	client.Client

	object *v1.OCIRepository
	events int
}

func (d *duel) Patch(_ context.Context, o client.Object, _ client.Patch, _ ...client.PatchOption) error {
	d.object.Finalizers = o.GetFinalizers()
	return nil
}

func (d *duel) Create(context.Context, client.Object, ...client.CreateOption) error {
	d.events++
	return nil
}

// writes has the other program write the status.
func (d *duel) writes(n int) {
	at := metav1.Now()
	d.object.Status.Artifact.Revision = revision(n)
	d.object.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "other", Operation: metav1.ManagedFieldsOperationUpdate, Subresource: "status", Time: &at}}
}

// A controller that is there goes on to be yielded to, however little there is to write; from any other program the agent takes over,
// though nobody asks anything.
func TestStandingBackEndsByItself(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	live := func(o *v1.OCIRepository) { controllerutil.AddFinalizer(o, v1.FinalizerFlux) }
	tests := map[string]struct {
		interval time.Duration
		leaves   func(*v1.OCIRepository) // with its one write
		looks    func(*v1.OCIRepository) // at each interval, a little late; nil: it is gone
		over     time.Duration           // when the agent takes over; zero: never
	}{
		"a live one":             {time.Hour, live, live, 0},
		"a live one, often":      {10 * time.Second, live, live, 0},
		"one that is gone":       {time.Hour, live, nil, 2*time.Hour + 66*time.Minute + silence},
		"one that is gone, soon": {10 * time.Second, live, nil, respite + 11*time.Second + silence},
		"a script":               {time.Hour, func(*v1.OCIRepository) {}, nil, 2*time.Hour + 66*time.Minute + silence},
		"a suspended object": {time.Minute, func(o *v1.OCIRepository) { live(o); o.Spec.Suspend = true }, func(*v1.OCIRepository) {},
			respite + 66*time.Second + silence},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := &duel{object: after(stored(1))}
				d.object.Spec.Interval.Duration = test.interval
				r := &Reconciler{Client: d}
				r.rivals.left(d.object)
				start := time.Now()
				d.writes(2)
				test.leaves(d.object)
				if over := d.fights(t, r, day, test.interval+test.interval/20, test.looks); over.IsZero() != (test.over == 0) || test.over > 0 && over.Sub(start) != test.over {
					t.Errorf("taken over at %s after %s", over, over.Sub(start))
				}
				if d.events != 1 {
					t.Errorf("%d events", d.events)
				}
			})
		})
	}
}

// fights has the agent look at the object whenever it wants to or something happens, and the other one now and then. It gives the time
// at which the agent takes over.
func (d *duel) fights(t *testing.T, r *Reconciler, long, every time.Duration, looks func(*v1.OCIRepository)) time.Time {
	t.Helper()
	end := time.After(long)
	other := time.Tick(every)
	for {
		wait, back, err := r.standsBack(t.Context(), d.object.DeepCopy())
		if err != nil {
			t.Fatal(err)
		}
		if !back {
			return time.Now()
		}
		for again := time.After(wait); again != nil; {
			select {
			case <-end:
				return time.Time{}
			case <-again:
				again = nil
			case <-other:
				if before := len(d.object.Finalizers); looks != nil {
					if looks(d.object); before != len(d.object.Finalizers) {
						again = nil
					}
				}
			}
		}
	}
}
