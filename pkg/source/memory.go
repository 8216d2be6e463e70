package source

import (
	"sync"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// maxRemembered bounds the memory for objects that are long gone. Beyond it, everything is found out once more.
const maxRemembered = 100_000

// memory is what was found out last about each object. The zero value is ready.
type memory[T any] struct {
	mu     sync.Mutex
	values map[store.Key]T
}

func (m *memory[T]) of(key store.Key) T {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[key]
}

func (m *memory[T]) set(key store.Key, value T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil || len(m.values) >= maxRemembered {
		m.values = map[store.Key]T{}
	}
	m.values[key] = value
}
