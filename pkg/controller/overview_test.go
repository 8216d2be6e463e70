package controller

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/status"
)

func TestOverview(t *testing.T) {
	t.Parallel()
	named := func(name string, object *v1.OCIRepository) *v1.OCIRepository {
		object.Name = name
		return object
	}
	idle := named("idle", after(stored(1)))
	idle.Spec.Suspend = true
	taken := named("taken", after(stored(1)))
	r := &Reconciler{}
	r.rivals.of(taken).back = true
	r.Client = objects{items: []*v1.OCIRepository{
		named("good", after(stored(1))),
		named("bad", after(failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false))),
		named("wrong", after(failed(v1.ConditionFetchFailed, v1.ReasonURLInvalid, true))),
		named("forged", after(failed(v1.ConditionSourceVerified, v1.ReasonVerificationError, false))),
		named("shut", after(waitsFirst(1))),
		named("fresh", newObject(1)),
		idle, taken,
	}}
	r.polls.note(types.NamespacedName{Namespace: idle.Namespace, Name: "good"}, noon, time.Minute)
	r.polls.note(client.ObjectKeyFromObject(idle), noon, time.Minute)
	found, err := r.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	states, by := map[string]status.State{}, map[string]status.Object{}
	for _, o := range found {
		states[o.Name], by[o.Name] = o.State, o
	}
	want := map[string]status.State{
		"good": status.Ready, "bad": status.Failing, "wrong": status.Stalled, "forged": status.Failing, "shut": status.Waiting,
		"fresh": status.Waiting, "idle": status.Suspended, "taken": status.Elsewhere,
	}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Error(diff)
	}
	good := by["good"]
	if !good.LastPoll.Equal(noon) || !good.NextPoll.Equal(noon.Add(time.Minute)) || good.Revision != revision(1) || good.Message != "" {
		t.Errorf("good: %+v", good)
	}
	if o := by["idle"]; !o.LastPoll.Equal(noon) || !o.NextPoll.IsZero() {
		t.Errorf("a suspended object is polled again: %+v", o)
	}
	if o := by["bad"]; o.Reason != v1.ReasonPullFailed || o.Message != "it broke" || o.Signature != status.NotRequired {
		t.Errorf("bad: %+v", o)
	}
	if by["forged"].Signature != status.Refused {
		t.Errorf("forged: %+v", by["forged"])
	}
	r.Elected = make(chan struct{})
	if found, err = r.Overview(t.Context()); err != nil || !found[0].LastPoll.IsZero() {
		t.Errorf("a replica that does not lead polls: %v, %v", found, err)
	}
	if _, err := (&Reconciler{Client: objects{err: errors.New("no cache")}}).Overview(t.Context()); !errors.Is(err, errUnread) {
		t.Errorf("without a cache: %v", err)
	}
}

// What the administrator asks for, and nobody has looked for yet, is not known. It is no less required for that.
func TestTrust(t *testing.T) {
	t.Parallel()
	asks := rulesOf(t, newPublicKey(t))
	for _, tc := range []struct {
		about  string
		object *v1.OCIRepository
		rules  *attempt.Rules
		want   status.Trust
	}{
		{"no policy", newObject(1), nil, status.NotRequired},
		{"a policy that asks nothing of it", newObject(1), asks, status.NotRequired},
		{"before the first attempt", newObject(1), asks, status.Undetermined},
		{"it failed before anything was verified", after(failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)), asks, status.Undetermined},
		{"refused", after(failed(v1.ConditionSourceVerified, v1.ReasonVerificationError, false)), asks, status.Refused},
	} {
		if !strings.HasPrefix(tc.about, "a policy") {
			tc.object.Spec.URL = "oci://ghcr.io/org/app"
		}
		r := &Reconciler{Client: objects{items: []*v1.OCIRepository{tc.object}}, Policy: func() *attempt.Rules { return tc.rules }}
		if found, err := r.Overview(t.Context()); err != nil || found[0].Signature != tc.want {
			t.Errorf("%s: %v, %v, want %q", tc.about, found, err, tc.want)
		}
	}
}

func TestReferenceOf(t *testing.T) {
	t.Parallel()
	for want, ref := range map[string]*v1.OCIRepositoryRef{
		"tag latest":                           nil,
		"tag v1":                               {Tag: "v1"},
		"semver 1.x":                           {SemVer: "1.x", Tag: "v1"},
		"digest sha":                           {Digest: "sha", SemVer: "1.x"},
		"semver 1.x of the tags that match ^v": {SemVer: "1.x", SemverFilter: "^v"},
	} {
		if got := referenceOf(ref); got != want {
			t.Errorf("%v: %s", ref, got)
		}
	}
}

// A poll of an object that is gone is forgotten.
func TestPolls(t *testing.T) {
	t.Parallel()
	var p polls
	name := types.NamespacedName{Namespace: "apps", Name: "app"}
	p.note(name, noon, 0)
	if got := p.of(name); !got.last.Equal(noon) || !got.next.IsZero() {
		t.Errorf("got %+v", got)
	}
	p.forget(name)
	if got := p.of(name); !got.last.IsZero() {
		t.Errorf("it is still known: %+v", got)
	}
}
