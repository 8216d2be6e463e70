package controller

import (
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// absences are what objects advertise and no replica could send, so that the longer it is missing the less often others are asked. The
// zero value is ready.
type absences struct {
	mu   sync.Mutex
	seen map[store.Key]absence
}

type absence struct {
	digest digest.Digest
	since  time.Time
}

// lasts tells for how long the digest has been missing: zero the first time.
func (a *absences) lasts(key store.Key, d digest.Digest, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.seen[key]; ok && last.digest == d {
		return now.Sub(last.since)
	}
	if a.seen == nil {
		a.seen = map[store.Key]absence{}
	}
	a.seen[key] = absence{d, now}
	return 0
}

// end forgets what is there now, or wanted no more.
func (a *absences) end(key store.Key) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.seen, key)
}
