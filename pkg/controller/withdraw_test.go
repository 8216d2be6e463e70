package controller

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		"verified, next":   {before: verifiedAt(1, 1), after: verifiedAt(2, 1), left: true},
		"verified anew":    {before: verifiedAt(1, 1), after: verifiedAt(1, 2), left: true},
		"unseen":           {before: verifiedAt(1, 1), after: verifiedAt(2, 2)},
		"unseen, leader":   {before: verifiedAt(1, 1), after: verifiedAt(2, 2), leads: true, left: true},
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

// Who reads a message, an event or the log learns that what was advertised is withdrawn, and not once only: until something takes its place.
func TestWithdrawalIsTold(t *testing.T) {
	t.Parallel()
	withdrawal, miss := failed(v1.ConditionSourceVerified, v1.ReasonVerificationError, false), failed(v1.ConditionSourceVerified, v1.ReasonVerificationError, false)
	withdrawal.failure.Withdraws = true
	outage := failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)
	long := withdrawal
	long.failure = &source.Error{Condition: v1.ConditionSourceVerified, Withdraws: true, Err: errors.New(strings.Repeat("x", maxMessage))}
	for name, tc := range map[string]struct {
		runs []outcome
		told bool
	}{
		"withdrawn":         {[]outcome{stored(1), withdrawal}, true},
		"looked for again":  {[]outcome{stored(1), withdrawal, miss}, true},
		"registry is away":  {[]outcome{stored(1), withdrawal, outage, miss}, true},
		"at length":         {[]outcome{stored(1), long, long}, true},
		"kept":              {[]outcome{stored(1), miss}, false},
		"never advertised":  {[]outcome{withdrawal, miss}, false},
		"another one is in": {[]outcome{stored(1), withdrawal, stored(2), miss}, false},
	} {
		status := after(tc.runs...).Status
		_, _, note := news(v1.OCIRepositoryStatus{}, status)
		for kind, got := range map[string]string{
			"event": clip(note, maxNote), "Ready": ready(status).Message,
			v1.ConditionSourceVerified: meta.FindStatusCondition(status.Conditions, v1.ConditionSourceVerified).Message,
		} {
			if strings.HasSuffix(got, "; what was advertised is withdrawn") != tc.told {
				t.Errorf("%s: %s says %q", name, kind, got)
			}
		}
	}
}

// verifiedAt advertises the artifact n, which has been verified since a time.
func verifiedAt(n int, since int64) *v1.OCIRepository {
	object := advertising(n)
	object.Status.Conditions = append(object.Status.Conditions, metav1.Condition{
		Type: v1.ConditionSourceVerified, Status: metav1.ConditionTrue, LastTransitionTime: metav1.Unix(since, 0),
	})
	return object
}

func suspendedObject() *v1.OCIRepository {
	object := newObject(2)
	object.Spec.Suspend = true
	return object
}

// What keeps an object from its registry does not hide what is known of its signature, and is no verdict on it.
func TestAccessFailsBeforeVerification(t *testing.T) {
	t.Parallel()
	var got []source.Request
	r := &Reconciler{Live: secrets{}, Source: answering{errors.New("not asked"), &got}}
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
