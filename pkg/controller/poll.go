package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// polls remembers when this replica polled each object last, and when it will again. The zero value is ready.
type polls struct{ known sync.Map } // poll, by types.NamespacedName

type poll struct {
	last time.Time
	next time.Time // at the latest; zero: not before something changes
}

// note takes down that a poll came to an end, and how long the wait is for the next one. Zero: none is planned.
func (p *polls) note(name types.NamespacedName, now time.Time, wait time.Duration) {
	done := poll{last: now}
	if wait > 0 {
		done.next = now.Add(wait)
	}
	p.known.Store(name, done)
}

func (p *polls) of(name types.NamespacedName) poll {
	found, _ := p.known.Load(name)
	known, _ := found.(poll)
	return known
}

func (p *polls) forget(name types.NamespacedName) { p.known.Delete(name) }
