package controller

import (
	"errors"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/event"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// A replica that follows serves nothing that was withdrawn, also where the next artifact is there already. Nor does it drop what was
// replaced in the usual way.
func TestFollowersDropWhatIsWithdrawn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before, after *v1.OCIRepository
		leads, left   bool
	}{
		"withdrawn":        {before: advertising(1), after: newObject(1)},
		"replaced":         {before: advertising(1), after: advertising(2), left: true},
		"another answer":   {before: advertising(1), after: advertising(1), left: true},
		"still nothing":    {before: newObject(1), after: newObject(1), left: true},
		"by the leader":    {before: advertising(1), after: newObject(1), leads: true, left: true},
		"first artifact":   {before: newObject(1), after: advertising(1), left: true},
		"suspended, taken": {before: advertising(1), after: suspendedObject(), left: false},
	} {
		elected := make(chan struct{})
		if tc.leads {
			close(elected)
		}
		r := &Reconciler{Elected: elected, Store: openStore(t, "bytes")}
		r.withdrawals().Update(t.Context(), event.UpdateEvent{ObjectOld: tc.before, ObjectNew: tc.after}, nil)
		if _, err := r.Store.Latest(key); (err == nil) != tc.left {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func suspendedObject() *v1.OCIRepository {
	object := newObject(2)
	object.Spec.Suspend = true
	return object
}

// What keeps an object from its registry does not hide what is known of its signature, and is no verdict on it.
func TestAccessFailsBeforeVerification(t *testing.T) {
	t.Parallel()
	r := reconcilerIn()
	var got []source.Request
	r.Source = answering{errors.New("not asked"), &got}
	object := advertising(1)
	object.Spec.URL, object.Spec.SecretRef = "oci://ghcr.io/org/app", ref("missing")
	found := r.run(t.Context(), object)
	if len(got) != 1 || got[0].Barred == nil || got[0].Barred.Reason != v1.ReasonAuthenticationFailed || got[0].Advertised.Revision != revision(1) {
		t.Errorf("asked %+v", got)
	}
	if found.failure == nil || found.failure.Reason != v1.ReasonAuthenticationFailed {
		t.Errorf("got %+v", found.failure)
	}
}
