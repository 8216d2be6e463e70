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

// silence is how long another controller may leave a question unanswered before it is taken for gone.
const silence = time.Minute

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
	asked    time.Time         // since when the other controller owes an answer; zero: it does not
}

func (r *rivals) forget(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, name)
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
	wait  time.Duration // until the other one is taken for gone; zero: it owes no answer
}

// meet compares an object with what the agent left of it.
func (r *rivals) meet(object *v1.OCIRepository, now time.Time) encounter {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.of(object)
	rival := ""
	if !t.back {
		if rival = t.rival(object); rival == "" {
			return encounter{}
		}
		t.back = true
	}
	if answered(object) {
		t.asked = time.Time{}
		return encounter{back: true, rival: rival}
	}
	if t.asked.IsZero() {
		t.asked = now
	}
	if wait := t.asked.Add(silence).Sub(now); wait > 0 {
		return encounter{back: true, rival: rival, wait: wait}
	}
	*t = trace{uid: t.uid}
	return encounter{}
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

// answered tells whether the status says something of the spec as it is now, and of the last request to reconcile. Nobody answers
// for a suspended object.
func answered(object *v1.OCIRepository) bool {
	if object.Spec.Suspend {
		return true
	}
	seen := object.Status.ObservedGeneration == object.Generation ||
		slices.ContainsFunc(object.Status.Conditions, func(c metav1.Condition) bool { return c.ObservedGeneration == object.Generation })
	return seen && object.Annotations[v1.AnnotationReconcileRequest] == object.Status.LastHandledReconcileAt
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
