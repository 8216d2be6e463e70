package status

import (
	"slices"
	"strings"
	"time"
)

// answer is what one query gets: a part of the objects, and of each how many there are.
type answer struct {
	Time       time.Time     `json:"time"`
	Instance   string        `json:"instance"`
	Version    string        `json:"version"`
	Leads      bool          `json:"leads"`
	Leader     string        `json:"leader,omitempty"`
	Store      Store         `json:"store"`
	Registries []Registry    `json:"registries"`
	States     map[State]int `json:"states"`   // of the namespace, whatever state is asked for
	Matching   int           `json:"matching"` // objects that were asked for, on all pages
	Objects    []listed      `json:"objects"`
	Next       string        `json:"next,omitempty"` // the value of after that gives the following page
}

// listed is an object at the time of an answer.
type listed struct {
	Object

	Interval    string `json:"interval"`
	LastPollAge *int64 `json:"lastPollAgeSeconds,omitempty"` // nil: no poll is known
}

func (q query) answer(a Agent, now time.Time) answer {
	out := answer{
		Time: now.UTC().Truncate(time.Second), Instance: a.Instance, Version: a.Version, Leads: a.Leads, Leader: a.Leader,
		Store: a.Store, Registries: a.Registries, States: map[State]int{}, Objects: []listed{},
	}
	if out.Registries == nil {
		out.Registries = []Registry{}
	}
	var chosen []Object
	for _, o := range a.Objects {
		if q.namespace != "" && o.Namespace != q.namespace {
			continue
		}
		out.States[o.State]++
		if q.state != "" && o.State != q.state {
			continue
		}
		out.Matching++
		if o.key() > q.after {
			chosen = append(chosen, o)
		}
	}
	slices.SortFunc(chosen, func(a, b Object) int { return strings.Compare(a.key(), b.key()) })
	if len(chosen) > q.limit {
		chosen = chosen[:q.limit]
		out.Next = chosen[q.limit-1].key()
	}
	for _, o := range chosen {
		out.Objects = append(out.Objects, at(o, now))
	}
	return out
}

func at(o Object, now time.Time) listed {
	l := listed{Object: o.tidy(), Interval: brief(o.Interval)}
	if !o.LastPoll.IsZero() {
		l.LastPollAge = new(int64(max(now.Sub(o.LastPoll), 0) / time.Second))
	}
	l.Updated, l.LastPoll, l.NextPoll = second(l.Updated), second(l.LastPoll), second(l.NextPoll)
	return l
}

func second(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}

// brief is a duration without the zeros that Go writes at its end: 5m, not 5m0s.
func brief(d time.Duration) string {
	text := d.String()
	if cut, ok := strings.CutSuffix(text, "m0s"); ok {
		text = cut + "m"
	}
	if cut, ok := strings.CutSuffix(text, "h0m"); ok {
		text = cut + "h"
	}
	return text
}
