package attempt

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

func TestReady(t *testing.T) {
	t.Parallel()
	opens := time.Date(2024, 5, 17, 17, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		found   Outcome
		status  metav1.ConditionStatus
		reason  string
		message string
	}{
		"stored":  {Outcome{Result: source.Result{Revision: "v1@sha256:aa"}}, metav1.ConditionTrue, v1.ReasonSucceeded, "stored artifact for digest 'v1@sha256:aa'"},
		"notes":   {Outcome{Result: source.Result{Revision: "v1@sha256:aa", Note: "x is idle", Waiting: "revision 'v2'"}}, metav1.ConditionTrue, v1.ReasonSucceeded, "stored artifact for digest 'v1@sha256:aa'; x is idle; revision 'v2' waits for a window"},
		"waits":   {Outcome{Result: source.Result{Waiting: "revision 'v1'"}, Hold: Hold{Closed: true, Opens: opens}}, metav1.ConditionUnknown, v1.ReasonWindowClosed, "revision 'v1' waits for the next window, which opens at 2024-05-17T17:00:00Z"},
		"adopts":  {Outcome{Result: source.Result{Waiting: "revision 'v1'"}, Hold: Hold{Closed: true, Opens: opens, Adopt: "v1"}}, metav1.ConditionUnknown, v1.ReasonWindowClosed, "revision 'v1' waits for the next window, which opens at 2024-05-17T17:00:00Z; what the annotation kubectl-oci.dev/adopt says is no digest, sha256: and 64 hex digits"},
		"failure": {Outcome{Failure: &source.Error{Reason: v1.ReasonPullFailed, Err: errors.New("no")}, Result: source.Result{Revision: "v1@sha256:aa"}}, metav1.ConditionFalse, v1.ReasonPullFailed, "no"},
	} {
		status, reason, message := tc.found.Ready()
		if status != tc.status || reason != tc.reason || message != tc.message {
			t.Errorf("%s: %s, %s, %q", name, status, reason, message)
		}
	}
}

// What is told of credentials says where they lie, and never what they are.
func TestCandidatesAndEntries(t *testing.T) {
	t.Parallel()
	m := meansIn(
		pullSecretFor("own", "ghcr.io/org", "alice", "s3cret"), pullSecretFor("elsewhere", "quay.io", "bob", "s3cret"),
		accountWith("account", "elsewhere", "own"),
	)
	w, err := wayOf(t, m, objectWith(v1.OCIRepositorySpec{ServiceAccountName: "account"}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Candidate{{From: `secret "apps/own"`, Key: "ghcr.io/org", As: "user alice"}}, w.Candidates()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Entry{{`secret "apps/elsewhere"`, "quay.io", false}, {`secret "apps/own"`, "ghcr.io/org", true}}, w.Entries()); diff != "" {
		t.Error(diff)
	}
	w, err = wayOf(t, meansIn(), objectWith(v1.OCIRepositorySpec{Provider: "aws"}))
	if got := w.Candidates(); err != nil || len(got) != 1 || got[0].Key != "" || !strings.Contains(got[0].From, "provider aws") {
		t.Errorf("got %+v, %v", got, err)
	}
}
