package registry

import (
	"slices"
	"strings"
	"time"
)

// Trouble is a registry that is left alone for a while, or has as many requests to answer at once as it may have. Where several
// credentials are used with it, it tells of the one that is worst off in each respect.
type Trouble struct {
	Host  string
	Until time.Time // nothing is sent before; zero: requests are
	Pulls time.Time // no manifest is fetched before; zero: they are
	Busy  int       // downloads and polls under way
	Room  int       // for how many there is
}

// Troubles lists the registries in trouble, in order of their hosts, at most as many as asked for, and says how many there are. It is
// safe for concurrent use.
func (c *Client) Troubles(most int) (found []Trouble, all int) {
	now := time.Now()
	hosts := map[string]Trouble{}
	c.mu.Lock()
	for _, element := range c.governors.entries {
		g := element.Value.(*entry[sessionKey, *governor]).value
		if t, ok := g.trouble(now); ok {
			hosts[t.Host] = worst(hosts[t.Host], t)
		}
	}
	c.mu.Unlock()
	for _, t := range hosts {
		found = append(found, t)
	}
	slices.SortFunc(found, func(a, b Trouble) int { return strings.Compare(a.Host, b.Host) })
	return found[:min(most, len(found))], len(found)
}

func worst(a, b Trouble) Trouble {
	if a.Until.After(b.Until) {
		b.Until = a.Until
	}
	if a.Pulls.After(b.Pulls) {
		b.Pulls = a.Pulls
	}
	b.Busy = max(a.Busy, b.Busy)
	return b
}

// trouble tells whether there is any now, and which.
func (g *governor) trouble(now time.Time) (Trouble, bool) {
	t := Trouble{Host: g.host, Busy: len(g.places), Room: cap(g.places)}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.until.After(now) {
		t.Until = g.until
	}
	if g.pulls.After(now) {
		t.Pulls = g.pulls
	}
	return t, !t.Until.IsZero() || !t.Pulls.IsZero() || t.Busy >= t.Room
}
