package attempt

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // zones on machines that have none
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

const office = "CRON_TZ=Europe/Berlin 0 9 * * 1-5 / 8h"

// When a window is open, and when it opens next. Berlin changed to summer time on 2024-03-31 and back on 2024-10-27, at 01:00 UTC.
func TestWindows(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text, now string
		open      bool
		next      string
	}{
		"before":                      {office, "2024-05-17T06:59:59Z", false, "2024-05-17T07:00:00Z"},
		"at its start":                {office, "2024-05-17T07:00:00Z", true, "2024-05-20T07:00:00Z"},
		"within":                      {office, "2024-05-17T14:59:59Z", true, "2024-05-20T07:00:00Z"},
		"at its end":                  {office, "2024-05-17T15:00:00Z", false, "2024-05-20T07:00:00Z"},
		"week-end":                    {office, "2024-05-18T09:00:00Z", false, "2024-05-20T07:00:00Z"},
		"winter":                      {office, "2024-01-05T07:30:00Z", false, "2024-01-05T08:00:00Z"},
		"across the change":           {office, "2024-03-29T20:00:00Z", false, "2024-04-01T07:00:00Z"},
		"no zone is UTC":              {"0 9 * * * / 1h", "2024-05-17T09:30:00Z", true, "2024-05-18T09:00:00Z"},
		"over midnight":               {"0 22 * * * / 4h", "2024-05-17T01:30:00Z", true, "2024-05-17T22:00:00Z"},
		"second one is open":          {office + "; 0 9 * * 6 / 1h", "2024-05-18T09:59:00Z", true, "2024-05-20T07:00:00Z"},
		"first of two":                {"0 12 * * * / 1h\n\n 0 9 * * * / 1h ;", "2024-05-17T01:00:00Z", false, "2024-05-17T09:00:00Z"},
		"overlapping":                 {"*/10 * * * * / 30m", "2024-05-17T01:09:00Z", true, "2024-05-17T01:10:00Z"},
		"names":                       {"0 9 * jan,jul mon / 1h", "2024-05-17T01:09:00Z", false, "2024-07-01T09:00:00Z"},
		"day of month or week":        {"0 9 13 * 5 / 1h", "2024-05-13T09:30:00Z", true, "2024-05-17T09:00:00Z"},
		"leap day":                    {"0 0 29 2 * / 24h", "2024-03-01T00:00:00Z", false, "2028-02-29T00:00:00Z"},
		"time skipped in spring":      {"CRON_TZ=Europe/Berlin 30 2 * * * / 30m", "2024-03-31T00:59:00Z", false, "2024-03-31T01:30:00Z"},
		"time skipped, within":        {"CRON_TZ=Europe/Berlin 30 2 * * * / 30m", "2024-03-31T01:45:00Z", true, "2024-04-01T00:30:00Z"},
		"time repeated in autumn":     {"CRON_TZ=Europe/Berlin 30 2 * * * / 30m", "2024-10-27T00:00:00Z", false, "2024-10-27T00:30:00Z"},
		"as long in spring as ever":   {"CRON_TZ=Europe/Berlin 0 0 * * * / 6h", "2024-03-31T04:59:00Z", true, "2024-03-31T22:00:00Z"},
		"no longer in spring":         {"CRON_TZ=Europe/Berlin 0 0 * * * / 6h", "2024-03-31T05:01:00Z", false, "2024-03-31T22:00:00Z"},
		"another zone with half past": {"CRON_TZ=Asia/Kolkata 0 9 * * * / 1h", "2024-05-17T03:30:00Z", true, "2024-05-18T03:30:00Z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := parseWindows(test.text)
			if err != nil {
				t.Fatal(err)
			}
			now := at(t, test.now)
			if got := w.open(now); got != test.open {
				t.Errorf("open: %t", got)
			}
			if got := w.next(now); !got.Equal(at(t, test.next)) {
				t.Errorf("opens next at %s, want %s", got, test.next)
			}
		})
	}
}

// What cannot be read says what is wrong, and takes no time to refuse.
func TestWindowsThatAreWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"empty":            {" ;\n; ", "it is empty"},
		"no duration":      {"0 9 * * 1-5", `"/ 8h"`},
		"step, no more":    {"*/5 9 * * 1-5", `"/ 8h"`},
		"days":             {"0 9 * * 1-5 / 2d", `"/ 8h"`},
		"no time":          {"0 9 * * 1-5 / 0s", "stays open for 0s"},
		"no unit":          {"0 9 * * 1-5 / 8", "a duration with its unit"},
		"a name":           {"@daily / 8h", "names such as @daily are not known"},
		"no such zone":     {"CRON_TZ=Mars/X 0 9 * * * / 8h", `/ 8h": unknown time zone "Mars/X"`},
		"backwards":        {"0 9 * * 1-5 / -8h", "stays open for -8h"},
		"for ever":         {"0 9 * * 1-5 / 999999h", "stays open for"},
		"overflow":         {"0 9 * * 1-5 / 99999999999999h", `"/ 8h"`},
		"never":            {"0 9 30 2 * / 8h", "opens at no time"},
		"prose":            {"Mon-Fri 09:00 / 8h", "Mon-Fri"},
		"descriptor":       {"@every 1s / 8h", "@every"},
		"six fields":       {"0 0 9 * * 1 / 8h", "fields"},
		"hour":             {"0 24 * * * / 8h", "24"},
		"one is wrong":     {office + "\n0 9 * * / 8h", `"0 9 * * / 8h"`},
		"zone":             {"CRON_TZ=Europe/Nowhere 0 9 * * * / 8h", "Europe/Nowhere"},
		"zone is a path":   {"CRON_TZ=../../../etc/passwd 0 9 * * * / 8h", "zone"},
		"zone alone":       {"CRON_TZ=UTC / 8h", "CRON_TZ=UTC"},
		"too long":         {strings.Repeat(" ", maxWindowText) + office, "bytes"},
		"too many":         {strings.Repeat("0 9 * * * / 8h;", maxWindows+1), "more than 16 windows"},
		"nothing at first": {"/ 8h", "/ 8h"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseWindows(test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q in it", err, test.want)
			}
		})
	}
}

// Whatever a tenant writes is read, asked and answered at once.
func FuzzWindows(f *testing.F) {
	for _, seed := range []string{office, "*/5 * * * * / 1m", "0 0 29 2 * / 744h;\n0 0 31 12 7 / 1h", "TZ=Local 1-59/2 0-23 1 1 0 / 1h"} {
		f.Add(seed, int64(1700000000))
	}
	f.Fuzz(func(t *testing.T, text string, seconds int64) {
		now := time.Unix(seconds%(1<<33), 0) // up to the year 2242
		start := time.Now()
		w, err := parseWindows(text)
		if err != nil {
			return
		}
		open, next := w.open(now), w.next(now)
		if spent := time.Since(start); spent > time.Second {
			t.Errorf("it takes %s", spent)
		}
		if !next.IsZero() && (!next.After(now) || !w.open(next)) {
			t.Errorf("open %t at %s, and not when it opens, at %s", open, now, next)
		}
	})
}
