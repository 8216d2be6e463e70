package registry

import (
	"net/http"
	"testing"
	"time"
)

func TestQuotas(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, header string
		left         uint64
		reset        time.Duration
		ok           bool
	}{
		{"RateLimit-Remaining", "76;w=21600", 76, maxPause, true},
		{"RateLimit-Remaining", "0; w=60", 0, time.Minute, true},
		{"RateLimit-Remaining", "0", 0, defaultPause, true},
		{"RateLimit-Remaining", "-1", 0, 0, false},
		{"RateLimit-Remaining", "0;w=-1", 0, defaultPause, true},
		{"RateLimit-Remaining", "0;w=99999999999999999999999", 0, defaultPause, true},
		{"RateLimit-Remaining", "0;w=18446744073709551615", 0, maxPause, true},
		{"RateLimit-Remaining", "many", 0, 0, false},
		{"RateLimit", "limit=100, remaining=3, reset=50", 3, 50 * time.Second, true},
		{"RateLimit", `"default";r=50;t=30`, 50, 30 * time.Second, true},
		{"RateLimit", `"second";r=9;t=1, "day";t=600;r=0 , "year";r=700`, 0, 10 * time.Minute, true},
		{"RateLimit", `"a;r=0";r=5;t=2`, 5, 2 * time.Second, true},
		{"RateLimit", `"limit";q=10`, 0, 0, false},
		{"RateLimit", "", 0, 0, false},
	} {
		got, ok := readQuota(http.Header{http.CanonicalHeaderKey(tc.name): {tc.header}})
		if ok != tc.ok || ok && (got.left != tc.left || got.reset != tc.reset) {
			t.Errorf("%s: %s gives %+v, %t", tc.name, tc.header, got, ok)
		}
	}
	got, ok := readQuota(http.Header{"Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"1789992000"}})
	if !ok || got.left != 0 || got.reset != maxPause {
		t.Errorf("a reset at a date gives %+v, %t", got, ok)
	}
}

// Whatever a registry sends, it cannot have itself forgotten for long, nor asked again at once.
func FuzzQuota(f *testing.F) {
	for _, s := range []string{"0;w=21600", "limit=100, remaining=0, reset=50", `"a";r=0;t=30, "b";r=1`, "r=0;t=18446744073709551615", ",;=,\""} {
		f.Add(s, "")
		f.Add("0", s)
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		for _, h := range []http.Header{{"Ratelimit": {one, other}}, {"Ratelimit-Remaining": {one}, "Ratelimit-Reset": {other}}} {
			if q, ok := readQuota(h); ok && (q.reset < minPause || q.reset > maxPause) {
				t.Errorf("%q: %s", h, q.reset)
			}
		}
	})
}
