package registry

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// For a registry that says "too many requests" and not until when.
	defaultPause = 15 * time.Second
	// However short a pause it names, even none: what it says is still "too many".
	minPause = time.Second
	// However long a registry asks for: a broken clock there must not stop polling for days.
	maxPause = time.Hour
)

func clamp(pause time.Duration) time.Duration { return min(max(pause, minPause), maxPause) }

// retryAfter reads the header of that name: seconds, or a date (RFC 9110, section 10.2.3).
func retryAfter(header string, now time.Time) (pause time.Duration, named bool) {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return clamp(time.Duration(seconds) * time.Second), true
	}
	if at, err := http.ParseTime(header); err == nil {
		return clamp(at.Sub(now)), true
	}
	return defaultPause, false
}

// quota is what a registry grants still.
type quota struct {
	left  uint64        // requests
	reset time.Duration // until it grants more, as far as it says
}

// readQuota reads what registries tell before they have enough: Docker Hub's "RateLimit-Remaining: 0;w=21600", the same with
// RateLimit-Reset, and RateLimit as later drafts of the IETF have it, "limit=9, remaining=0, reset=5" and "\"name\";r=0;t=5". Of
// several quotas the one with the least left counts.
func readQuota(h http.Header) (least quota, ok bool) {
	text := strings.Join(h.Values("RateLimit"), ",")
	if left := h.Get("RateLimit-Remaining"); left != "" {
		text = "remaining=" + left + ";reset=" + h.Get("RateLimit-Reset")
	}
	for policy := range strings.SplitSeq(strings.ReplaceAll(text, " ", ""), `,"`) {
		if q, known := readPolicy(policy); known && (!ok || q.left < least.left) {
			least, ok = q, true
		}
	}
	return least, ok
}

func readPolicy(text string) (q quota, ok bool) {
	var reset, window uint64 // seconds; the window is how long it lasts at most
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ',' || c == ';' }) {
		key, value, _ := strings.Cut(part, "=")
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			continue
		}
		switch key {
		case "r", "remaining":
			q.left, ok = n, true
		case "t", "reset":
			reset = n
		case "w":
			window = n
		}
	}
	q.reset = defaultPause
	if seconds := cmp.Or(reset, window); seconds > 0 {
		q.reset = clamp(time.Duration(min(seconds, uint64(maxPause/time.Second))) * time.Second)
	}
	return q, ok
}
