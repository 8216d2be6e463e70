package main

import (
	"context"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// catalog asks registries for tags, and for what they name: each question once, whoever has it.
type catalog struct {
	remote remote // of no registry
	report *reporter

	mu           sync.Mutex
	repositories map[string]*catalogEntry // by name
}

type catalogEntry struct {
	open func() (*registry.Repository, error)
	tags func() ([]string, error)

	remote *remote // that open used
	ref    registry.Reference

	mu      sync.Mutex
	digests map[string]func() (digest.Digest, error)
}

func (c *catalog) entry(ctx context.Context, ref registry.Reference) *catalogEntry {
	ref.Tag, ref.Digest = "", ""
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.repositories[ref.Name()]; e != nil {
		return e
	}
	r := c.remote
	e := &catalogEntry{remote: &r, ref: ref, digests: map[string]func() (digest.Digest, error){}}
	e.open = sync.OnceValues(func() (*registry.Repository, error) { return r.open(ctx, ref, false, c.report) })
	e.tags = sync.OnceValues(func() ([]string, error) {
		repo, err := e.open()
		if err != nil {
			return nil, err
		}
		tags, err := repo.Tags(ctx)
		if err != nil {
			return nil, r.blame(ref, err)
		}
		return tags, nil
	})
	if c.repositories == nil {
		c.repositories = map[string]*catalogEntry{}
	}
	c.repositories[ref.Name()] = e
	return e
}

// digest resolves a tag.
func (e *catalogEntry) digest(ctx context.Context, tag string) (digest.Digest, error) {
	e.mu.Lock()
	ask := e.digests[tag]
	if ask == nil {
		ask = sync.OnceValues(func() (digest.Digest, error) {
			repo, err := e.open()
			if err != nil {
				return "", err
			}
			d, err := repo.Resolve(ctx, tag)
			if err != nil {
				return "", e.remote.blame(e.ref, err)
			}
			return d.Digest, nil
		})
		e.digests[tag] = ask
	}
	e.mu.Unlock()
	return ask()
}
