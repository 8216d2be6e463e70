package controller

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// Alerts read which objects are ready, from the replica that leads alone.
func TestReadinessOfEveryObjectThatHasAnAnswer(t *testing.T) {
	t.Parallel()
	good, bad, fresh := after(stored(1)), after(failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)), newObject(1)
	bad.Name, fresh.Name = "bad", "fresh"
	shut := after(waitsFirst(1))
	shut.Name = "shut"
	// Nobody is to be woken for what is not polled, or is another controller's: their status is not the agent's to answer for.
	idle, taken := after(failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)), after(failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false))
	idle.Name, idle.Spec.Suspend, taken.Name = "idle", true, "taken"
	r := &Reconciler{Client: objects{items: []*v1.OCIRepository{good, bad, fresh, shut, idle, taken}}}
	r.rivals.of(taken).back = true
	want := `# HELP oci_agent_object_ready Whether the object's condition Ready is True (1) or not (0).
# TYPE oci_agent_object_ready gauge
oci_agent_object_ready{name="` + good.Name + `",namespace="` + good.Namespace + `"} 1
oci_agent_object_ready{name="bad",namespace="` + bad.Namespace + `"} 0
`
	if err := testutil.CollectAndCompare(NewReadiness(r), strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	r.Elected = make(chan struct{})
	if n := testutil.CollectAndCount(NewReadiness(r)); n != 0 {
		t.Errorf("a replica that does not lead tells of %d", n)
	}
	if n := testutil.CollectAndCount(NewReadiness(&Reconciler{Client: objects{err: errors.New("no cache")}})); n != 0 {
		t.Errorf("without a cache there are %d", n)
	}
}

// Whoever begins to lead logs once what fails already, as an error. It is no event: that was written when it was news.
func TestAFreshLeaderLogsWhatFails(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	ctx := log.IntoContext(context.Background(), logr.FromSlogHandler(slog.NewTextHandler(&out, nil)))
	r := &Reconciler{} // without a client: an event would panic
	object := after(failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false))
	for range 2 {
		r.announce(ctx, object, object.Status, object.Status)
	}
	said := ready(object.Status)
	if said.Status != metav1.ConditionFalse || strings.Count(out.String(), said.Reason) != 1 || !strings.Contains(out.String(), "level=ERROR") {
		t.Errorf("the log has:\n%s", &out)
	}
	good := after(stored(1))
	good.Name, out = "good", strings.Builder{}
	if r.announce(ctx, good, good.Status, good.Status); out.Len() != 0 {
		t.Errorf("of an object that is well the log has:\n%s", &out)
	}
}
