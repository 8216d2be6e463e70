package controller

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// What this version cannot do must never be ignored, least of all a demand for signatures.
func TestUnsupportedFieldsAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spec      v1.OCIRepositorySpec
		condition string // empty: supported
		message   string
	}{
		"plain":    {v1.OCIRepositorySpec{URL: "oci://example.com/app"}, "", ""},
		"cosign":   {v1.OCIRepositorySpec{Verify: &v1.Verification{Provider: v1.VerifyCosign}}, "", ""},
		"notation": {v1.OCIRepositorySpec{Verify: &v1.Verification{Provider: v1.VerifyNotation}}, v1.ConditionSourceVerified, "notation as spec.verify.provider: sign with cosign, or remove spec.verify, where nothing needs to be verified"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := supported(test.spec)
			if test.condition == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failure, ok := errors.AsType[*source.Error](err)
			if !ok || failure.Condition != test.condition || !failure.Terminal || !failure.Withdraws {
				t.Fatalf("got %#v", err)
			}
			if want := "this version of the agent does not support " + test.message; failure.Error() != want {
				t.Errorf("got %q, want %q", failure, want)
			}
		})
	}
}

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

// endless is a source whose registry never comes to an end.
type endless struct{}

func (endless) Run(ctx context.Context, _ source.Request) (source.Result, error) {
	<-ctx.Done()
	return source.Result{}, &source.Error{Condition: v1.ConditionStorageOperationFailed, Err: ctx.Err()}
}
