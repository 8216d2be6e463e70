package controller

import (
	"math/rand/v2"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// Bounds of the time between two polls, whatever the spec says: nobody may have the agent hammer a registry.
const (
	minInterval = time.Second
	maxInterval = 365 * 24 * time.Hour
)

// next says when to look at an object again: after its interval, not before a registry wants to be asked again, after a growing
// pause, or (zero) not before somebody changes it. A stalled object is looked at too where others can help it.
func next(object *v1.OCIRepository, failure *source.Error, pace Pace, jitter float64) time.Duration {
	at := rand.Float64() //nolint:gosec // it spreads polls and keeps no secret
	switch {
	case failure == nil:
		return spread(object.Spec.Interval.Duration, jitter, at)
	case failure.Terminal && failure.RetryAt.IsZero():
		return 0
	case failure.RetryAt.IsZero():
		return spread(pause(object, pace), jitter, at)
	}
	return late(time.Until(failure.RetryAt), object.Spec.Interval.Duration, jitter, at)
}

// pause is as long as the object has been failing, so that each one doubles the time; but nobody whose object is to be looked at
// every minute waits longer than that after having repaired something.
func pause(object *v1.OCIRepository, pace Pace) time.Duration {
	failing := time.Since(ready(object.Status).LastTransitionTime.Time)
	longest := min(pace.MaxRetry, object.Spec.Interval.Duration)
	return max(min(failing, longest), pace.MinRetry)
}

// spread moves an interval by up to jitter of it, earlier or later; at is between 0 and 1.
func spread(interval time.Duration, jitter, at float64) time.Duration {
	interval = bounded(interval)
	return interval + time.Duration(float64(interval)*jitter*(2*at-1))
}

// late is never early, and as much later as the interval would have moved, too, but no longer than twice the wait: thousands may wait for
// the same moment.
func late(wait, interval time.Duration, jitter, at float64) time.Duration {
	wait, interval = bounded(wait), bounded(interval)
	later := min((float64(wait)+float64(interval))*jitter, float64(wait))
	return wait + time.Duration(later*at)
}

func bounded(wait time.Duration) time.Duration { return min(max(wait, minInterval), maxInterval) }
