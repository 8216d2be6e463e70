package source

import "sync"

// maxRemembered bounds the memory for objects that are long gone. Beyond it, everything is found out once more.
const maxRemembered = 100_000

// memory is what was found out last about each object, or whatever K names. The zero value is ready.
type memory[K comparable, T any] struct {
	mu     sync.Mutex
	values map[K]T
}

func (m *memory[K, T]) of(key K) T {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[key]
}

func (m *memory[K, T]) set(key K, value T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil || len(m.values) >= maxRemembered {
		m.values = map[K]T{}
	}
	m.values[key] = value
}
