package process

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Group is programs that live and die together: when one ends, all others are killed.
type Group struct {
	mu     sync.Mutex
	parts  []*Process
	fallen bool
	err    error
	done   chan struct{}
}

// NewGroup returns a group without programs.
func NewGroup() *Group { return &Group{done: make(chan struct{})} }

// Start adds a program. It fails in a group that has ended.
func (g *Group) Start(c Command) (*Process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fallen {
		return nil, fmt.Errorf("start %s: its group has ended: %w", c.Name, g.ended())
	}
	p, err := Start(c)
	if err != nil {
		return nil, err
	}
	g.parts = append(g.parts, p)
	go func() {
		<-p.Done()
		g.end(p.Err())
	}()
	return p, nil
}

// ended says why, also where Stop was the reason. Callers hold the lock.
func (g *Group) ended() error {
	if g.err == nil {
		return errors.New("stopped")
	}
	return g.err
}

// Done is closed when all programs are gone, by Stop or because one ended.
func (g *Group) Done() <-chan struct{} { return g.done }

// Err says which program ended first, and how. It is nil while all run and after Stop.
func (g *Group) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// Stop kills the programs, the last one first, and waits until they are gone. It may be called again.
func (g *Group) Stop() {
	g.end(nil)
	<-g.done
}

// end does its work for the first caller alone; the others come because of it.
func (g *Group) end(why error) {
	g.mu.Lock()
	first := !g.fallen
	if first {
		g.fallen, g.err = true, why
	}
	parts := slices.Clone(g.parts)
	g.mu.Unlock()
	if !first {
		return
	}
	for _, p := range slices.Backward(parts) {
		p.Stop()
	}
	close(g.done)
}
