package server

import (
	"context"
	"sync"
)

// Refills at once: in all, and for the objects of one namespace. One tenant's registry that hangs must not keep others from theirs. The
// shipped Deployment has room in /tmp for as many layers.
const maxSeats, maxSeatsEach = 24, 8

// seats bounds how much goes on at once. The zero value is ready.
type seats struct {
	mu    sync.Mutex
	all   chan struct{}
	rooms map[string]*room
}

// room is the seats of a namespace, there as long as somebody sits or waits.
type room struct {
	taken  chan struct{}
	people int
}

// take waits for a seat until ctx is done. Without an error the caller gives it back.
func (s *seats) take(ctx context.Context, namespace string) error {
	r := s.enter(namespace)
	select {
	case r.taken <- struct{}{}:
	case <-ctx.Done():
		s.leave(namespace)
		return ctx.Err()
	}
	select {
	case s.all <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-r.taken
		s.leave(namespace)
		return ctx.Err()
	}
}

func (s *seats) giveBack(namespace string) {
	<-s.all
	<-s.leave(namespace).taken
}

func (s *seats) enter(namespace string) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all, s.rooms = make(chan struct{}, maxSeats), map[string]*room{}
	}
	r := s.rooms[namespace]
	if r == nil {
		r = &room{taken: make(chan struct{}, maxSeatsEach)}
		s.rooms[namespace] = r
	}
	r.people++
	return r
}

func (s *seats) leave(namespace string) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[namespace]
	if r.people--; r.people == 0 {
		delete(s.rooms, namespace)
	}
	return r
}
