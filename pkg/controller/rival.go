package controller

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// Bounds of the patience with another controller.
const (
	silence = time.Minute      // it may leave a question unanswered for so long before it is taken for gone
	respite = 10 * time.Minute // it is believed for so long, at least, after each sign of life
)

// rivals remembers what the agent left of each object, to notice another controller that writes it again. The zero value is ready.
type rivals struct {
	mu    sync.Mutex
	known map[types.NamespacedName]*trace
}

// trace is what the agent left of an object, and whether it leaves the object alone since.
type trace struct {
	uid      types.UID
	status   [sha256.Size]byte // zero: it has written none
	released bool              // it took off Flux's finalizer
	back     bool              // it stands back
	sign     time.Time         // when the other controller gave the last sign of life
	asked    time.Time         // since when it owes an answer; zero: it does not
	probed   time.Time         // since when it owes a sign of life; zero: it does not
}

func (r *rivals) forget(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, name)
}

// stepped tells whether the agent stands back from an object.
func (r *rivals) stepped(object *v1.OCIRepository) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.known[client.ObjectKeyFromObject(object)]
	return t != nil && t.uid == object.UID && t.back
}

// left takes note of how the agent leaves an object.
func (r *rivals) left(object *v1.OCIRepository) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(object).status = sum(object.Status)
}

// released takes note that the agent took off Flux's finalizer.
func (r *rivals) released(object *v1.OCIRepository) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(object).released = true
}

// probed takes note that there is no finalizer of Flux's on an object that the agent stands back from: a live controller puts it on.
func (r *rivals) probed(object *v1.OCIRepository, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.of(object)
	t.released, t.probed = true, now
}

func (r *rivals) of(object *v1.OCIRepository) *trace {
	name := client.ObjectKeyFromObject(object)
	if t := r.known[name]; t != nil && t.uid == object.UID {
		return t
	}
	if r.known == nil {
		r.known = map[types.NamespacedName]*trace{}
	}
	r.known[name] = &trace{uid: object.UID}
	return r.known[name]
}

// encounter is what the agent makes of the traces that others left on an object.
type encounter struct {
	back  bool
	rival string        // who writes the object; set when the agent begins to stand back
	probe bool          // find out whether the other one is still there
	wait  time.Duration // until it is time to look again
}

// meet compares an object with what the agent left of it. Standing back ends by itself: whoever writes nothing for a while is probed,
// and who does not answer, or gives no sign of life after that, is gone.
func (r *rivals) meet(object *v1.OCIRepository, now time.Time) encounter {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.of(object)
	met := encounter{back: true}
	switch rival := t.rival(object); {
	case rival != "":
		if !t.back {
			met.rival = rival
		}
		*t = trace{uid: t.uid, status: sum(object.Status), back: true, sign: now, asked: t.asked}
	case !t.back:
		return encounter{}
	}
	switch {
	case answered(object, now):
		t.asked = time.Time{}
	case t.asked.IsZero():
		t.asked = now
	}
	met.wait = t.patience(object).Sub(now)
	switch {
	case met.wait > 0:
		return met
	case t.asked.IsZero() && t.probed.IsZero():
		return encounter{back: true, probe: true, wait: grace(object)}
	}
	*t = trace{uid: t.uid}
	return encounter{}
}

// patience ends when the other controller is to be probed or, where it owes something, when it is taken for gone.
func (t *trace) patience(object *v1.OCIRepository) time.Time {
	switch {
	case !t.asked.IsZero():
		return t.asked.Add(silence)
	case !t.probed.IsZero():
		return t.probed.Add(grace(object))
	}
	return t.sign.Add(max(respite, 2*bounded(object.Spec.Interval.Duration)))
}

// grace is how long a live controller may take for a sign of life: it looks at each object once in an interval, or a little later.
func grace(object *v1.OCIRepository) time.Duration {
	interval := bounded(object.Spec.Interval.Duration)
	return interval + interval/10 + silence
}

// rival names the controller that wrote the object after the agent, or is empty. Whoever edits a status with kubectl is none.
func (t *trace) rival(object *v1.OCIRepository) string {
	if t.released && controllerutil.ContainsFinalizer(object, v1.FinalizerFlux) {
		return "the controller that adds the finalizer " + v1.FinalizerFlux
	}
	if t.status == [sha256.Size]byte{} || t.status == sum(object.Status) {
		return ""
	}
	last, ours := metav1.ManagedFieldsEntry{}, time.Time{}
	for _, e := range statusWriters(object) {
		switch at := e.Time.Time; {
		case e.Manager == string(fieldOwner):
			ours = at
		case last.Time == nil || at.After(last.Time.Time) || at.Equal(last.Time.Time) && isKubectl(e):
			last = e
		}
	}
	if last.Time == nil || last.Time.Time.Before(ours) || isKubectl(last) {
		return ""
	}
	return last.Manager
}

func isKubectl(e metav1.ManagedFieldsEntry) bool { return strings.HasPrefix(e.Manager, "kubectl") }

// answered tells whether the status says something of the spec as it is now, and of the last request to reconcile, if there is one,
// or that somebody began to work on that not long ago. Nobody answers for a suspended object.
func answered(object *v1.OCIRepository, now time.Time) bool {
	if object.Spec.Suspend {
		return true
	}
	seen := object.Status.ObservedGeneration == object.Generation
	for _, c := range object.Status.Conditions {
		if c.ObservedGeneration != object.Generation {
			continue
		}
		seen = true
		if c.Type == v1.ConditionReconciling && c.Status == metav1.ConditionTrue && now.Sub(c.LastTransitionTime.Time) < respite {
			return true
		}
	}
	request, ok := object.Annotations[v1.AnnotationReconcileRequest]
	return seen && (!ok || request == object.Status.LastHandledReconcileAt)
}

func sum(status v1.OCIRepositoryStatus) [sha256.Size]byte {
	raw, err := json.Marshal(status)
	if err != nil {
		panic("controller: a status that JSON cannot hold: " + err.Error())
	}
	return sha256.Sum256(raw)
}

// statusWriters is who wrote the status, and when, as far as the cache keeps it.
func statusWriters(object client.Object) []metav1.ManagedFieldsEntry {
	return slices.DeleteFunc(slices.Clone(object.GetManagedFields()), func(e metav1.ManagedFieldsEntry) bool {
		return e.Subresource != "status" || e.Time == nil
	})
}
