package v1

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Duration reads like metav1.Duration, "1h30m", and never fails on a string that the validation patterns let through: one
// that is too long for a time.Duration becomes the longest one. Otherwise a single object could keep a watcher from
// decoding all others.
//
// +kubebuilder:validation:Type=string
type Duration struct{ time.Duration }

// UnmarshalJSON reads a JSON string.
func (d *Duration) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("parse duration: %w", err)
	}
	parsed, err := time.ParseDuration(s)
	if err != nil {
		parsed = math.MaxInt64
	}
	d.Duration = parsed
	return nil
}

// MarshalJSON writes a JSON string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }
