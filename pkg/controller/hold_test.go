package controller

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// waits is the outcome of a run that kept artifact 1 while revision n had to wait.
func waits(n int) outcome {
	found := unchanged(1)
	found.result.Waiting = revision(n)
	found.hold = hold{closed: true, opens: noon.Add(5 * time.Hour)}
	return found
}

func whileClosed(found outcome) outcome {
	found.hold = hold{closed: true, opens: noon.Add(5 * time.Hour)}
	return found
}

func TestHoldOfAnObject(t *testing.T) {
	t.Parallel()
	urlInvalid := failed(v1.ConditionFetchFailed, v1.ReasonURLInvalid, true)
	pullFailed := failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)
	tests := map[string]struct {
		window     string
		history    []outcome
		generation int64
		closed     bool
		fails      bool
	}{
		"closed":               {window: "0 9 * * * / 1h", history: []outcome{stored(1)}, generation: 1, closed: true},
		"open":                 {window: "0 9 * * * / 4h", history: []outcome{stored(1)}, generation: 1},
		"no window":            {history: []outcome{stored(1)}, generation: 1},
		"first one":            {window: "0 9 * * * / 1h", generation: 1},
		"first one, retried":   {window: "0 9 * * * / 1h", history: []outcome{pullFailed}, generation: 1},
		"changed spec":         {window: "0 9 * * * / 1h", history: []outcome{stored(1)}, generation: 2},
		"failing":              {window: "0 9 * * * / 1h", history: []outcome{stored(1), pullFailed}, generation: 1, closed: true},
		"corrected spec":       {window: "0 9 * * * / 1h", history: []outcome{stored(1), urlInvalid}, generation: 2},
		"disk lost":            {window: "0 9 * * * / 1h", history: []outcome{stored(1), onLostDisk(pullFailed)}, generation: 1, closed: true},
		"slip of the pen":      {window: "0 9 * * *", history: []outcome{stored(1)}, generation: 1, fails: true},
		"slip, and first one":  {window: "9 to 5", generation: 1, fails: true},
		"slip, and empty":      {window: " ", history: []outcome{stored(1)}, generation: 1, fails: true},
		"slip, changed spec":   {window: "9 to 5", history: []outcome{stored(1)}, generation: 2, fails: true},
		"nothing but comments": {window: ";;", history: []outcome{stored(1)}, generation: 1, fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := after(test.history...)
			object.Generation = test.generation
			if test.window != "" {
				object.Annotations = map[string]string{v1.AnnotationWindow: test.window}
			}
			got, err := holdOf(object, noon)
			if got.closed != test.closed || (err != nil) != test.fails {
				t.Errorf("got %+v, %v", got, err)
			}
			if failure := asFailure(err); test.fails && (!failure.Terminal || failure.Reason != v1.ReasonWindowInvalid) {
				t.Errorf("it fails as %+v", failure)
			}
		})
	}
}

// A window that was wrong when the spec changed is mended: what the spec asks for is not held back then.
func TestHoldAfterASlipAndAChangedSpec(t *testing.T) {
	t.Parallel()
	object := after(stored(1))
	object.Generation = 2
	object.Annotations = map[string]string{v1.AnnotationWindow: "9 to 5"}
	_, err := holdOf(object, noon)
	object.Status = answer(object, outcome{failure: asFailure(err)}, address, noon)
	object.Annotations[v1.AnnotationWindow] = "0 9 * * * / 1h"
	if got, err := holdOf(object, noon); got.closed || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestConditionOfWhatWaits(t *testing.T) {
	t.Parallel()
	pullFailed := failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)
	tests := map[string]struct {
		history []outcome
		found   outcome
		want    string // in the message; empty: there is no condition
		event   string
	}{
		"something waits":       {[]outcome{stored(1)}, waits(2), revision(2) + "' waits for the next window, which opens at 2024-05-17T17:00:00Z", v1.ReasonWindowClosed},
		"still":                 {[]outcome{stored(1), waits(2)}, waits(2), revision(2), ""},
		"a newer one":           {[]outcome{stored(1), waits(2)}, waits(3), revision(3), v1.ReasonWindowClosed},
		"adopted":               {[]outcome{stored(1), waits(2)}, stored(2), "", v1.ReasonNewArtifact},
		"taken back":            {[]outcome{stored(1), waits(2)}, whileClosed(unchanged(1)), "", ""},
		"registry silent":       {[]outcome{stored(1), waits(2)}, whileClosed(pullFailed), revision(2), v1.ReasonPullFailed},
		"silent, and it opens":  {[]outcome{stored(1), waits(2)}, pullFailed, "", v1.ReasonPullFailed},
		"it opens, and no luck": {[]outcome{stored(1), waits(2)}, sawButFailed(2), "", v1.ReasonPullFailed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := after(test.history...)
			status := answer(object, test.found, address, noon.Add(time.Minute))
			if got := pending(status); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("it says %q, want %q", got, test.want)
			}
			if test.found.failure == nil && ready(status).Status != "True" {
				t.Error("it is not ready")
			}
			if _, reason, _ := news(object.Status, status); reason != test.event {
				t.Errorf("event %q, want %q", reason, test.event)
			}
		})
	}
}

func TestAdoptOfAnotherDigestIsTold(t *testing.T) {
	t.Parallel()
	found := waits(2)
	found.hold.adopt = "sha256:old"
	if got := pending(answer(after(stored(1)), found, address, noon)); !strings.Contains(got, v1.AnnotationAdopt) {
		t.Errorf("it says %q", got)
	}
}

// What waits is looked at when the window opens, and not before an interval that ends sooner.
func TestHoldWakesWhenTheWindowOpens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		h := hold{closed: true, opens: now.Add(time.Hour)}
		for name, test := range map[string]struct {
			wait    time.Duration
			waiting string
			want    time.Duration
		}{
			"long interval":   {24 * time.Hour, revision(2), time.Hour},
			"short interval":  {time.Minute, revision(2), time.Minute},
			"nothing waits":   {24 * time.Hour, "", 24 * time.Hour},
			"nobody to retry": {0, revision(2), 0},
		} {
			if got := h.wake(test.wait, test.waiting, now); got != test.want {
				t.Errorf("%s: %s, want %s", name, got, test.want)
			}
		}
		if got := h.wake(time.Hour, revision(2), now.Add(2*time.Hour)); got != minInterval {
			t.Errorf("a window that has opened meanwhile is looked at in %s", got)
		}
	})
}
