package source

import (
	"context"
	"sync"
)

// maxUnpacking bounds how many layers are read or written anew at once: each may take some ten megabytes of memory and a core.
const maxUnpacking = 2

// turns lets a few work at once. The zero value is ready.
type turns struct {
	once  sync.Once
	taken chan struct{}
}

// take waits for a turn, until ctx is done. Without an error the caller gives the turn back.
func (t *turns) take(ctx context.Context) error {
	t.once.Do(func() { t.taken = make(chan struct{}, maxUnpacking) })
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *turns) giveBack() { <-t.taken }
