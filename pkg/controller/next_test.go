package controller

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

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

func TestNextFollowsTheOutcome(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		failure   *source.Error
		min, max  time.Duration
		backsOff  bool
		noRequeue bool
	}{
		"success":     {min: 57 * time.Second, max: 63 * time.Second},
		"mistake":     {failure: &source.Error{Terminal: true, Err: errors.New("mistake")}, noRequeue: true},
		"bad luck":    {failure: &source.Error{Err: errors.New("bad luck")}, backsOff: true},
		"turned away": {failure: &source.Error{RetryAt: time.Unix(946684800, 0).Add(20 * time.Second), Err: errors.New("429")}, min: 20 * time.Second, max: 21 * time.Second},
		"long ago":    {failure: &source.Error{RetryAt: time.Unix(1, 0), Err: errors.New("429")}, min: minInterval, max: 2 * minInterval},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // its clock starts with the year 2000
				object := &v1.OCIRepository{Spec: v1.OCIRepositorySpec{Interval: v1.Duration{Duration: time.Minute}}}
				result, err := next(object, test.failure, 0.05)
				if (err != nil) != test.backsOff {
					t.Errorf("error is %v", err)
				}
				if none := result.RequeueAfter == 0; none != (test.noRequeue || test.backsOff) {
					t.Errorf("requeued after %v", result.RequeueAfter)
				}
				if result.RequeueAfter < test.min || result.RequeueAfter > test.max {
					t.Errorf("requeued after %v, want %v to %v", result.RequeueAfter, test.min, test.max)
				}
			})
		})
	}
}
