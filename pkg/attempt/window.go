package attempt

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netresearch/go-cron"
)

// Bounds of the annotation that says when new revisions are adopted. A tenant writes it.
const (
	maxWindowText = 4 << 10 // bytes
	maxWindows    = 16
	// MinOpen is the shortest that a window may stay open.
	MinOpen = time.Minute
	maxOpen = 31 * 24 * time.Hour
)

// windows are spans of time that come again and again. None is never open.
type windows []window

type window struct {
	opens cron.Schedule
	stays time.Duration
}

// parseWindows reads cron expressions of five fields, each with the time it stays open, separated by semicolons or newlines:
//
//	CRON_TZ=Europe/Berlin 0 9 * * 1-5 / 8h; 0 22 * * 6 / 90m
//
// Without a time zone it is UTC. Where both a day of the month and one of the week are given, either is enough, as in cron(8).
func parseWindows(text string) (windows, error) {
	if len(text) > maxWindowText {
		return nil, fmt.Errorf("it has more than %d bytes", maxWindowText)
	}
	parser := cron.MustNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.DowOrDom)
	var all windows
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '\n' }) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		w, err := parseWindow(parser, line)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if all = append(all, w); len(all) > maxWindows {
			return nil, fmt.Errorf("it has more than %d windows", maxWindows)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("it is empty")
	}
	return all, nil
}

// once leaves out what the library says twice of a time zone.
func once(text string) string {
	before, after, _ := strings.Cut(text, ": ")
	if strings.ReplaceAll(before, `"`, "") == after {
		return before
	}
	return text
}

var errNeverOpens = errors.New("it opens at no time within years")

func parseWindow(parser cron.Parser, line string) (window, error) {
	at := strings.LastIndexByte(line, '/')
	stays, err := time.ParseDuration(strings.TrimSpace(line[at+1:]))
	if at < 0 || err != nil {
		return window{}, errors.New(`it does not end in "/" and a duration with its unit, for which the window stays open, such as "/ 8h" or "/ 90m"`)
	}
	if stays < MinOpen || stays > maxOpen {
		return window{}, fmt.Errorf("it stays open for %s, not for 1m to 744h", strings.TrimSpace(line[at+1:]))
	}
	opens, err := parser.Parse(strings.TrimSpace(line[:at]))
	switch {
	case err != nil && strings.HasPrefix(line, "@"):
		return window{}, errors.New("names such as @daily are not known: write five fields, such as 0 0 * * *")
	case err != nil:
		return window{}, errors.New(once(err.Error()))
	}
	if opens.Next(time.Now().UTC()).IsZero() {
		return window{}, errNeverOpens
	}
	return window{opens, stays}, nil
}

// clockChange is more than any clock is put forward by. Only from before that moment the library finds the openings that are moved
// by it.
const clockChange = 3 * time.Hour

// open tells whether one of the windows is open: whether one has opened no longer ago than it stays so.
func (w windows) open(now time.Time) bool {
	return slices.ContainsFunc(w, func(each window) bool { return each.open(now.UTC()) })
}

func (w window) open(now time.Time) bool {
	since := now.Add(-w.stays)
	for at := w.opens.Next(since.Add(-clockChange)); !at.IsZero() && !at.After(now); at = w.opens.Next(at) {
		if at.After(since) {
			return true
		}
	}
	return false
}

// next is when the first of the windows opens again, or zero, where none does within years.
func (w windows) next(now time.Time) time.Time {
	var first time.Time
	for _, each := range w {
		if next := each.opens.Next(now.UTC()); first.IsZero() || !next.IsZero() && next.Before(first) {
			first = next
		}
	}
	return first
}
