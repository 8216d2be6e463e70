package controller

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// waits is the outcome of a run that kept artifact 1 while revision n had to wait.
func waits(n int) outcome {
	return waiting(unchanged(1), revision(n))
}

// waitsFirst is the outcome of a run that found nothing advertised, while artifact n had to wait.
func waitsFirst(n int) outcome { return waiting(outcome{}, revision(n)) }

func waiting(found outcome, what string) outcome {
	found.result.Waiting = "revision '" + what + "'"
	return whileClosed(found)
}

func whileClosed(found outcome) outcome {
	found.hold = attempt.Hold{Closed: true, Opens: noon.Add(5 * time.Hour)}
	return found
}

func TestHoldOfAnObject(t *testing.T) {
	t.Parallel()
	pullFailed := failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)
	histories := map[string][]outcome{
		"new":       nil,
		"retried":   {pullFailed},
		"in use":    {stored(1)},
		"failing":   {stored(1), pullFailed},
		"corrected": {stored(1), failed(v1.ConditionFetchFailed, v1.ReasonURLInvalid, true)},
		"disk lost": {stored(1), onLostDisk(pullFailed)},
	}
	tests := map[string]struct {
		window string
		closed bool
		fails  bool
	}{
		"closed":               {window: "0 9 * * * / 1h", closed: true},
		"open":                 {window: "0 9 * * * / 4h"},
		"no window":            {},
		"slip of the pen":      {window: "0 9 * * *", fails: true},
		"slip, and empty":      {window: " ", fails: true},
		"nothing but comments": {window: ";;", fails: true},
	}
	for name, test := range tests {
		for before, history := range histories {
			for _, generation := range []int64{1, 2} { // the spec has no say
				object := after(history...)
				object.Generation = generation
				if test.window != "" {
					object.Annotations = map[string]string{v1.AnnotationWindow: test.window}
				}
				got, err := attempt.HoldOf(object, noon)
				if got.Closed != test.closed || (err != nil) != test.fails {
					t.Errorf("%s, %s, generation %d: got %+v, %v", name, before, generation, got, err)
				}
				if failure, ok := errors.AsType[*source.Error](err); test.fails && (!ok || !failure.Terminal || failure.Reason != v1.ReasonWindowInvalid) {
					t.Errorf("%s, %s: it fails as %+v", name, before, failure)
				}
			}
		}
	}
}

func TestConditionOfWhatWaits(t *testing.T) {
	t.Parallel()
	pullFailed := failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)
	tests := map[string]struct {
		history    []outcome
		generation int64 // 0: the one before
		found      outcome
		want       string // in the message; empty: there is no condition
		event      string
	}{
		"something waits":       {[]outcome{stored(1)}, 0, waits(2), revision(2) + "' waits for the next window, which opens at 2024-05-17T17:00:00Z", v1.ReasonWindowClosed},
		"still":                 {[]outcome{stored(1), waits(2)}, 0, waits(2), revision(2), ""},
		"a newer one":           {[]outcome{stored(1), waits(2)}, 0, waits(3), revision(3), v1.ReasonWindowClosed},
		"adopted":               {[]outcome{stored(1), waits(2)}, 0, stored(2), "", v1.ReasonNewArtifact},
		"taken back":            {[]outcome{stored(1), waits(2)}, 0, whileClosed(unchanged(1)), "", ""},
		"registry silent":       {[]outcome{stored(1), waits(2)}, 0, whileClosed(pullFailed), revision(2), v1.ReasonPullFailed},
		"silent on a new spec":  {[]outcome{stored(1), waits(2)}, 2, whileClosed(pullFailed), "", v1.ReasonPullFailed},
		"silent, and it opens":  {[]outcome{stored(1), waits(2)}, 0, pullFailed, "", v1.ReasonPullFailed},
		"it opens, and no luck": {[]outcome{stored(1), waits(2)}, 0, sawButFailed(2), "", v1.ReasonPullFailed},
		"not there to wait":     {[]outcome{stored(1), waits(2)}, 2, whileClosed(sawButFailed(3)), "", v1.ReasonPullFailed},
		"waits on a lost disk":  {[]outcome{stored(1)}, 2, onLostDisk(waiting(pullFailed, revision(2))), revision(2), v1.ReasonPullFailed},
		"first one":             {nil, 0, waitsFirst(1), revision(1), v1.ReasonWindowClosed},
		"first one, still":      {[]outcome{waitsFirst(1)}, 0, waitsFirst(1), revision(1), ""},
		"first one, silent":     {[]outcome{waitsFirst(1)}, 0, whileClosed(pullFailed), revision(1), v1.ReasonPullFailed},
		"first one, heard of":   {[]outcome{waitsFirst(1), whileClosed(pullFailed)}, 0, waitsFirst(1), revision(1), v1.ReasonWindowClosed},
		"first one, adopted":    {[]outcome{waitsFirst(1)}, 0, stored(1), "", v1.ReasonNewArtifact},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := after(test.history...)
			object.Generation = max(test.generation, object.Generation)
			status := answer(object, test.found, address, noon.Add(time.Minute))
			if got := pending(status); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("it says %q, want %q", got, test.want)
			}
			if test.found.failure == nil && (ready(status).Status == "True") != (status.Artifact != nil) {
				t.Errorf("Ready is %s", ready(status).Status)
			}
			if _, reason, _ := news(object.Status, status); reason != test.event {
				t.Errorf("event %q, want %q", reason, test.event)
			}
		})
	}
}

// What is in use stays, with the rules it was made by, and the changed spec counts as answered.
func TestChangedSpecWaits(t *testing.T) {
	t.Parallel()
	object := after(stored(1))
	object.Generation = 2
	object.Spec.Ignore, object.Spec.LayerSelector = new("*.md"), &v1.OCILayerSelector{Operation: v1.LayerCopy}
	found := waiting(unchanged(1), revision(1)+"' with the changed spec.ignore, spec.layerSelector")
	want := *object.Status.DeepCopy()
	status := answer(object, found, address, noon.Add(time.Hour))
	if diff := cmp.Diff(want.Artifact, status.Artifact); diff != "" {
		t.Errorf("artifact (-want +got):\n%s", diff)
	}
	if status.ObservedIgnore != nil || status.ObservedLayerSelector != nil || status.ObservedGeneration != 2 || ready(status).Status != "True" {
		t.Errorf("status is %+v", status)
	}
	object.Status = status
	status = answer(object, stored(1), address, noon.Add(2*time.Hour))
	if status.ObservedIgnore == nil || status.ObservedLayerSelector == nil || pending(status) != "" {
		t.Errorf("adopted, the status is %+v", status)
	}
}

func TestAdoptOfAnotherDigestIsTold(t *testing.T) {
	t.Parallel()
	for adopt, want := range map[string]string{
		"sha256:" + strings.Repeat("a", 64): "it is not the one that the annotation " + v1.AnnotationAdopt + " names",
		"sha256:a1b2":                       "what the annotation " + v1.AnnotationAdopt + " says is no digest",
		revision(2):                         "is no digest, sha256: and 64 hex digits",
	} {
		found := waits(2)
		found.hold.Adopt = digest.Digest(adopt)
		if got := pending(answer(after(stored(1)), found, address, noon)); !strings.Contains(got, want) {
			t.Errorf("of %q it says %q", adopt, got)
		}
	}
}

// Whoever looks at Ready alone sees that something waits.
func TestReadyTellsOfWhatWaits(t *testing.T) {
	t.Parallel()
	is := ready(answer(after(stored(1)), waits(2), address, noon))
	if !strings.HasPrefix(is.Message, "stored artifact for digest '"+revision(1)+"'; ") || !strings.Contains(is.Message, revision(2)) ||
		!strings.HasSuffix(is.Message, " waits for a window") {
		t.Errorf("it says %q", is.Message)
	}
	if is = ready(answer(after(stored(1)), unchanged(1), address, noon)); strings.Contains(is.Message, "waits") {
		t.Errorf("it says %q", is.Message)
	}
}

// What waits is looked at when the window opens, not by all objects at once, and before a window of a minute closes.
func TestHoldWakesWhenTheWindowOpens(t *testing.T) {
	t.Parallel()
	h := attempt.Hold{Closed: true, Opens: noon.Add(time.Hour)}
	for name, test := range map[string]struct {
		interval time.Duration
		now      time.Time
		from, to time.Duration
	}{
		"short interval":  {time.Minute, noon, time.Hour, time.Hour + 3*time.Second},
		"long interval":   {24 * time.Hour, noon, time.Hour, time.Hour + maxLate},
		"opens this hour": {time.Hour, noon.Add(59 * time.Minute), time.Minute, time.Minute + maxLate},
		"has opened":      {time.Minute, noon.Add(2 * time.Hour), minInterval, minInterval + 3*time.Second},
	} {
		object := newObject(1)
		object.Spec.Interval.Duration = test.interval
		seen := map[time.Duration]bool{}
		for range 100 {
			got := wake(h, object, 0.05, test.now)
			if seen[got] = true; got < test.from || got > test.to {
				t.Errorf("%s: %s", name, got)
			}
		}
		if len(seen) < 50 {
			t.Errorf("%s: a hundred objects wake at %d moments", name, len(seen))
		}
	}
}
