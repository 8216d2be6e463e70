package controller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// rulesOf is a policy of one rule, which has the key in verify.
func rulesOf(t *testing.T, key string) *attempt.Rules {
	t.Helper()
	return mustParse(t, fmt.Sprintf(
		`{"apiVersion":"policy.kubectl-oci.dev/v1alpha1","kind":"SourcePolicy","rules":[{"registries":["ghcr.io/**"],"verify":{"keys":{"a":%q}}}]}`, key))
}

// What cannot be read of spec.verify takes nothing away of what the administrator requires: that is looked at all the same, a verdict by it
// counts, and nothing new passes.
func TestUnreadVerifyLoosensNothing(t *testing.T) {
	t.Parallel()
	rules := rulesOf(t, newPublicKey(t))
	for name, tc := range map[string]struct {
		err       error
		withdraws bool
	}{
		"satisfied":     {},
		"away":          {err: &source.Error{Condition: v1.ConditionSourceVerified, Reason: v1.ReasonVerificationError, Unknown: true, Err: errors.New("away")}},
		"not satisfied": {err: &source.Error{Condition: v1.ConditionSourceVerified, Reason: v1.ReasonVerificationError, Withdraws: true, Err: errors.New("no")}, withdraws: true},
	} {
		var got []source.Request
		r := &Reconciler{Live: silent{}, Policy: func() *attempt.Rules { return rules }, Source: answering{tc.err, &got}}
		object := advertising(1)
		object.Spec.URL, object.Spec.Verify = "oci://ghcr.io/org/app", &v1.Verification{SecretRef: ref("keys")}
		found := r.run(t.Context(), object)
		if len(got) != 1 || !got[0].Hold || len(got[0].Requirements) != 1 {
			t.Errorf("%s: asked %+v", name, got)
		}
		if f := found.failure; f == nil || f.Withdraws != tc.withdraws || f.Unknown == tc.withdraws || f.Condition != v1.ConditionSourceVerified {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Where no connection is permitted nothing can be verified, and nothing else is said.
func TestForbiddenIsNotVerified(t *testing.T) {
	t.Parallel()
	rules := rulesOf(t, newPublicKey(t))
	for _, unknown := range []bool{true, false} {
		r := &Reconciler{Policy: func() *attempt.Rules { return rules }, Source: acting(func(source.Request) (source.Result, error) {
			return source.Result{Required: true}, &source.Error{
				Condition: v1.ConditionFetchFailed, Reason: v1.ReasonPullFailed, Unknown: unknown, Err: &registry.ForbiddenError{Host: "here"},
			}
		})}
		object := advertising(1)
		object.Spec.URL = "oci://ghcr.io/org/app"
		found := r.run(t.Context(), object)
		if found.failure == nil || found.failure.Reason != v1.ReasonPolicyViolation {
			t.Errorf("got %+v", found.failure)
		}
		want := metav1.ConditionTrue
		if unknown {
			want = metav1.ConditionUnknown
		}
		status := answer(object, found, address, noon)
		if c := meta.FindStatusCondition(status.Conditions, v1.ConditionSourceVerified); c == nil || c.Status != want {
			t.Errorf("SourceVerified is %+v, want %s", c, want)
		}
	}
}

// acting is a source that does as the function.
type acting func(source.Request) (source.Result, error)

func (f acting) Run(_ context.Context, req source.Request) (source.Result, error) { return f(req) }

// What was found by other terms than those in force is neither advertised nor served, and looked for again.
func TestTermsChangeDuringARun(t *testing.T) {
	t.Parallel()
	mine, theirs := newPublicKey(t), newPublicKey(t)
	lax := mustParse(t, `{"apiVersion":"policy.kubectl-oci.dev/v1alpha1","kind":"SourcePolicy","rules":[{"registries":["ghcr.io/**"]}]}`)
	strict, stricter := rulesOf(t, mine), rulesOf(t, theirs)
	elsewhere := mustParse(t, `{"apiVersion":"policy.kubectl-oci.dev/v1alpha1","kind":"SourcePolicy","rules":[{"registries":["quay.io/**"]}]}`)
	public := mustParse(t, `{"apiVersion":"policy.kubectl-oci.dev/v1alpha1","kind":"SourcePolicy","rules":[{"registries":["ghcr.io/**"],"addresses":["public"]}]}`)
	for name, tc := range map[string]struct {
		before, after *attempt.Rules
		keys          string // in the Secret that spec.verify names by then
		written       bool
	}{
		"the same":            {before: strict, after: strict, keys: mine, written: true},
		"read anew":           {before: strict, after: rulesOf(t, mine), keys: mine, written: true},
		"signatures required": {before: lax, after: strict, keys: mine},
		"another key":         {before: strict, after: stricter, keys: mine},
		"other registries":    {before: lax, after: elsewhere, keys: mine},
		"fewer addresses":     {before: lax, after: public, keys: mine},
		"the author's key":    {before: lax, after: lax, keys: theirs},
		"no key any more":     {before: lax, after: lax},
	} {
		s := openStore(t)
		object := newObject(1)
		object.Spec.URL, object.Spec.Interval.Duration = "oci://ghcr.io/org/app", time.Hour
		object.Spec.Verify = &v1.Verification{SecretRef: ref("keys")}
		b := &board{object: object}
		rules := tc.before
		r := &Reconciler{Live: withKey(mine)}
		r.Client, r.Store, r.Durations, r.Address, r.Policy = b, s, NewDurations(), address, func() *attempt.Rules { return rules }
		r.Source = acting(func(req source.Request) (source.Result, error) {
			rules, r.Live = tc.after, withKey(tc.keys)
			entry, err := s.Put(req.Key, func(w io.Writer) error { _, err := io.WriteString(w, "bytes"); return err })
			return source.Result{Revision: revision(1), Entry: entry, Metadata: map[string]string{v1.MetadataSource: "ghcr.io/org/app@sha256:aa"}}, err
		})
		result, err := r.Reconcile(t.Context(), request())
		if err != nil || result.RequeueAfter <= 0 || (result.RequeueAfter > time.Minute) != tc.written {
			t.Errorf("%s: %+v, %v", name, result, err)
		}
		if (b.object.Status.Artifact != nil) != tc.written || (b.writes > 0) != tc.written {
			t.Errorf("%s: %+v is advertised", name, b.object.Status.Artifact)
		}
		if _, err := s.Latest(store.Key{Namespace: object.Namespace, Name: object.Name}); (err == nil) != tc.written {
			t.Errorf("%s: in the store: %v", name, err)
		}
	}
}
