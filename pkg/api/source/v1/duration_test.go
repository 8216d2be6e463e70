package v1_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// A watcher decodes all objects at once: no value that the API server accepts may fail.
func TestDurationReadsWhatValidationLetsThrough(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		json string
		want time.Duration
	}{
		"minutes":       {`"5m"`, 5 * time.Minute},
		"several units": {`"1h30m"`, 90 * time.Minute},
		"fraction":      {`"1.5s"`, 1500 * time.Millisecond},
		"zero":          {`"0s"`, 0},
		"too long":      {`"99999999h"`, math.MaxInt64},
		"far too long":  {`"999999999999999999999999999999999m"`, math.MaxInt64},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var spec v1.OCIRepositorySpec
			if err := json.Unmarshal([]byte(`{"interval":`+test.json+`}`), &spec); err != nil {
				t.Fatal(err)
			}
			if spec.Interval.Duration != test.want {
				t.Errorf("got %v, want %v", spec.Interval.Duration, test.want)
			}
		})
	}
}

func TestDurationRefusesOtherTypes(t *testing.T) {
	t.Parallel()
	var d v1.Duration
	if err := json.Unmarshal([]byte(`5`), &d); err == nil {
		t.Errorf("a number was read as %v", d)
	}
}

func TestDurationWritesWhatItReads(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(v1.Duration{Duration: 90 * time.Second})
	if err != nil || string(raw) != `"1m30s"` {
		t.Errorf("got %s, %v", raw, err)
	}
}
