package controller

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// A registry that always sends just enough must not keep a worker for ever.
func TestRunIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		object := newObject(1)
		object.Spec.URL = "oci://example.com/org/app"
		found := (&Reconciler{Source: endless{}}).run(t.Context(), object)
		if took := time.Since(start); took != maxRun || found.failure == nil {
			t.Fatalf("a run took %s and came to %v", took, found.failure)
		}
		if f := found.failure; f.Terminal || f.Reason != v1.ReasonPullFailed || f.Error() != "the artifact did not arrive within 30m0s" {
			t.Errorf("got %+v", f)
		}
		if wait := time.Until(found.failure.RetryAt); wait < maxRun {
			t.Errorf("the next run begins in %s", wait)
		}
	})
}

// What a run finds out about the signature of what is advertised counts also where it came to no end.
func TestLateVerdictCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		object := advertising(1)
		object.Spec.URL = "oci://example.com/org/app"
		found := (&Reconciler{Source: endless{withdraws: true}}).run(t.Context(), object)
		if f := found.failure; f == nil || !f.Withdraws {
			t.Errorf("got %+v", f)
		}
	})
}

// endless is a source whose registry never comes to an end.
type endless struct{ withdraws bool }

func (e endless) Run(ctx context.Context, _ source.Request) (source.Result, error) {
	<-ctx.Done()
	return source.Result{}, &source.Error{Condition: v1.ConditionStorageOperationFailed, Withdraws: e.withdraws, Err: ctx.Err()}
}
