package policy

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
)

// File is a policy that may change while it is in use. It is safe for concurrent use.
type File struct {
	path string
	told func(error)

	mu     sync.Mutex
	last   []byte // what was read last, or why it could not be
	policy *Policy
}

// Open reads the policy in a file. Versions that come later and cannot be used leave the last good one in force: told is called once
// for each, and with nil for one that counts from now on.
func Open(path string, told func(error)) (*File, error) {
	f := &File{path: path, told: told}
	raw, err := f.read()
	if err != nil {
		return nil, err
	}
	f.last = raw
	f.policy, err = f.parse(raw)
	return f, err
}

// Policy is what the file says now. It costs one read of the file: a ConfigMap that is mounted changes by another file in its place.
func (f *File) Policy() *Policy {
	raw, err := f.read()
	if err != nil {
		raw = []byte(err.Error()) // no policy
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if bytes.Equal(raw, f.last) {
		return f.policy
	}
	f.last = raw
	var newer *Policy
	if err == nil {
		newer, err = f.parse(raw)
	}
	if err != nil {
		f.told(err)
		return f.policy
	}
	f.policy = newer
	f.told(nil)
	return f.policy
}

func (f *File) parse(raw []byte) (*Policy, error) {
	p, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", f.path, err)
	}
	return p, nil
}

// read reads no more than what shows that the file is too large.
func (f *File) read() ([]byte, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read policy %q: %w", f.path, err)
	}
	return raw, nil
}
