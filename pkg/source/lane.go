package source

import (
	"context"
	"sync"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// lanes let one work for each object at a time. The zero value is ready.
type lanes struct {
	mu    sync.Mutex
	taken map[store.Key]chan struct{} // closed when the lane is free again
}

// take waits until nobody else works for the object, until ctx is done. Without an error the caller leaves the lane.
func (l *lanes) take(ctx context.Context, key store.Key) (leave func(), err error) {
	for {
		l.mu.Lock()
		busy := l.taken[key]
		if busy == nil {
			defer l.mu.Unlock()
			return l.enter(key), nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// enter must be called with the lock held.
func (l *lanes) enter(key store.Key) (leave func()) {
	if l.taken == nil {
		l.taken = map[store.Key]chan struct{}{}
	}
	free := make(chan struct{})
	l.taken[key] = free
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.taken, key)
		close(free)
	}
}
