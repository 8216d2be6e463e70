package gateway

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Service is what a cluster's Service is to its clients: one address, whose connections go to any of the members that are ready. A
// connection that comes while no member is ready waits. It is safe for concurrent use.
type Service struct {
	Addr string // 127.0.0.1:port

	listener net.Listener
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	members map[Member]context.CancelFunc
	ready   map[Member]bool
	changed chan struct{} // closed and replaced whenever a member becomes ready
}

// Member is where a member serves, and where it answers probes; host:port both.
type Member struct{ Storage, Health string }

// probePeriod is how often a member is asked whether it is ready.
const probePeriod = 50 * time.Millisecond

// StartService starts a Service without members. Stop must be called.
func StartService(ctx context.Context) (*Service, error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("start service: %w", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Service{
		Addr: listener.Addr().String(), listener: listener, cancel: cancel,
		members: map[Member]context.CancelFunc{}, ready: map[Member]bool{}, changed: make(chan struct{}),
	}
	s.running.Go(func() { s.accept(ctx) })
	return s, nil
}

// Stop closes the port and all connections.
func (s *Service) Stop() {
	s.mu.Lock()
	for _, cancel := range s.members {
		cancel()
	}
	s.mu.Unlock()
	s.cancel()
	s.listener.Close()
	s.running.Wait()
}

// Join adds a member, which gets connections while it is ready. The context is not what ends that: Leave and Stop do.
func (s *Service) Join(ctx context.Context, m Member) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members[m] = cancel
	s.running.Go(func() { s.probe(ctx, m) })
}

// Leave takes a member out, as when its Pod is deleted: it gets no new connections, and keeps those it has.
func (s *Service) Leave(m Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel, ok := s.members[m]; ok {
		cancel()
		delete(s.members, m)
		delete(s.ready, m)
	}
}

// probe asks again and again, as the kubelet does.
func (s *Service) probe(ctx context.Context, m Member) {
	tick := time.NewTicker(probePeriod)
	defer tick.Stop()
	for {
		s.note(m, passes(ctx, m))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func passes(ctx context.Context, m Member) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.Health+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (s *Service) note(m Member, ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members[m] == nil || s.ready[m] == ready {
		return
	}
	s.ready[m] = ready
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Service) accept(ctx context.Context) {
	for {
		here, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.running.Go(func() { s.connect(ctx, here) })
	}
}

// connect leads a connection to a member. One that refuses is not ready, whatever its last probe said.
func (s *Service) connect(ctx context.Context, here net.Conn) {
	defer here.Close()
	defer context.AfterFunc(ctx, func() { here.Close() })()
	var dialer net.Dialer
	for ctx.Err() == nil {
		m, changed := s.choose()
		if m == (Member{}) {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		there, err := dialer.DialContext(ctx, "tcp", m.Storage)
		if err != nil {
			s.note(m, false)
			continue
		}
		defer context.AfterFunc(ctx, func() { there.Close() })()
		join(here, there)
		return
	}
}

// choose gives a ready member, or none, and what tells of a change.
func (s *Service) choose() (Member, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ready []Member
	for m, ok := range s.ready {
		if ok {
			ready = append(ready, m)
		}
	}
	if len(ready) == 0 {
		return Member{}, s.changed
	}
	return ready[rand.IntN(len(ready))], s.changed //nolint:gosec // no secret
}

// join passes bytes on until either side is done.
func join(here, there net.Conn) {
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // either side may hang up at any time
		to.Close()
		from.Close()
	}
	var both sync.WaitGroup
	both.Go(func() { pass(there, here) })
	both.Go(func() { pass(here, there) })
	both.Wait()
}
