package controller

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

func TestSpreadStaysWithinTheJitter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		interval time.Duration
		jitter   float64
		at       float64
		want     time.Duration
	}{
		"earliest":  {100 * time.Second, 0.05, 0, 95 * time.Second},
		"middle":    {100 * time.Second, 0.05, 0.5, 100 * time.Second},
		"latest":    {100 * time.Second, 0.05, 1, 105 * time.Second},
		"no jitter": {100 * time.Second, 0, 1, 100 * time.Second},
		"zero":      {0, 0, 0.5, minInterval},
		"endless":   {math.MaxInt64, 0.5, 0.5, maxInterval},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := spread(test.interval, test.jitter, test.at); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// A registry that wanted to be left alone is not asked by all at once when it may be asked again.
func TestWhoWasTurnedAwayComesBackSpread(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		wait, interval time.Duration
		at             float64
		want           time.Duration
	}{
		"first":        {15 * time.Second, 5 * time.Minute, 0, 15 * time.Second},
		"last":         {time.Minute, 9 * time.Minute, 1, 90 * time.Second},
		"soon":         {4 * time.Second, time.Hour, 1, 8 * time.Second},
		"long":         {time.Hour, time.Minute, 1, time.Hour + 3*time.Minute + 3*time.Second},
		"in the past":  {-time.Hour, time.Second, 0, minInterval},
		"beyond count": {math.MaxInt64, math.MaxInt64, 0, maxInterval},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := late(test.wait, test.interval, 0.05, test.at); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestNextFollowsTheOutcome(t *testing.T) {
	t.Parallel()
	badLuck := &source.Error{Err: errors.New("bad luck")}
	tests := map[string]struct {
		failure  *source.Error
		failing  time.Duration // for how long
		min, max time.Duration // both zero: not before somebody changes it
	}{
		"success":          {min: 57 * time.Second, max: 63 * time.Second},
		"mistake":          {failure: &source.Error{Terminal: true, Err: errors.New("mistake")}},
		"bad luck, first":  {failure: badLuck, min: 1900 * time.Millisecond, max: 2100 * time.Millisecond},
		"bad luck, again":  {failure: badLuck, failing: 10 * time.Second, min: 9500 * time.Millisecond, max: 10500 * time.Millisecond},
		"bad luck, always": {failure: badLuck, failing: time.Hour, min: 57 * time.Second, max: 63 * time.Second},
		"turned away":      {failure: &source.Error{RetryAt: time.Unix(946684800, 0).Add(20 * time.Second), Err: errors.New("429")}, min: 20 * time.Second, max: 24 * time.Second},
		"long ago":         {failure: &source.Error{RetryAt: time.Unix(1, 0), Err: errors.New("429")}, min: minInterval, max: 5 * minInterval},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // its clock starts with the year 2000
				object := &v1.OCIRepository{Spec: v1.OCIRepositorySpec{Interval: v1.Duration{Duration: time.Minute}}}
				object.Status.Conditions = []metav1.Condition{{
					Type: v1.ConditionReady, Status: metav1.ConditionFalse, LastTransitionTime: metav1.NewTime(time.Now().Add(-test.failing)),
				}}
				got := next(object, test.failure, Pace{MinRetry: 2 * time.Second, MaxRetry: 15 * time.Minute}, 0.05)
				if got < test.min || got > test.max {
					t.Errorf("requeued after %v, want %v to %v", got, test.min, test.max)
				}
			})
		})
	}
}
