package policy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// File is a policy that may change while it is in use, and what is made of it. It is safe for concurrent use.
type File[T any] struct {
	path    string
	compile func(*Policy) (T, error)
	told    func(error)

	mu      sync.Mutex
	last    []byte // what was read last, or why it could not be
	current T
}

// Open reads the policy in a file. What is used of it is what compile makes of it, once for each version; its error, which names the
// rule and the field, refuses the version. Versions that come later and cannot be used leave the last good one in force: told is called
// once for each, and with nil for one that counts from now on.
func Open[T any](path string, compile func(*Policy) (T, error), told func(error)) (*File[T], error) {
	f := &File[T]{path: path, compile: compile, told: told}
	raw, err := f.read()
	if err != nil {
		return nil, err
	}
	f.last = raw
	f.current, err = f.parse(raw)
	return f, err
}

// Current is what is made of what the file says now. It costs one read of the file: a ConfigMap that is mounted changes by another file in its place.
func (f *File[T]) Current() T {
	raw, err := f.read()
	if err != nil {
		raw = []byte(err.Error()) // no policy
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if bytes.Equal(raw, f.last) {
		return f.current
	}
	f.last = raw
	var newer T
	if err == nil {
		newer, err = f.parse(raw)
	}
	if err != nil {
		f.told(err)
		return f.current
	}
	f.current = newer
	f.told(nil)
	return f.current
}

func (f *File[T]) parse(raw []byte) (made T, err error) {
	p, err := Parse(raw)
	if err == nil {
		made, err = f.compile(p)
	}
	if err != nil {
		return made, fmt.Errorf("read %q: %w", f.path, err)
	}
	return made, nil
}

// Watch looks at the file from time to time until the context is done, so that a new version is told of also where nobody asks.
func (f *File[T]) Watch(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.Current()
		case <-ctx.Done():
			return
		}
	}
}

// read reads no more than what shows that the file is too large.
func (f *File[T]) read() ([]byte, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read policy %q: %w", f.path, err)
	}
	return raw, nil
}
