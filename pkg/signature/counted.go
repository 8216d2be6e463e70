package signature

import (
	"crypto/sha256"
	"sync"

	"github.com/opencontainers/go-digest"
)

// whereabouts of a piece of evidence. The zero value is nowhere.
type whereabouts struct {
	manifest, layer digest.Digest
	signature       string // beside the layer: older signatures of one digest are of the same bytes, whoever made them
}

// question is what was asked about a digest, and where.
type question struct {
	repository  string
	subject     digest.Digest
	requirement [sha256.Size]byte
}

// maxCounted bounds the memory for questions that nobody asks any more. Beyond it, some are forgotten.
const maxCounted = 10_000

// counted is where the evidence was that answered a question. Whoever asks again looks there first: that is cheaper, and what others attach
// meanwhile neither hides nor delays it. It is no proof: what is found there is verified like everything else. The zero value is ready, and
// it is safe for concurrent use.
type counted struct {
	mu    sync.Mutex
	where map[question]whereabouts
}

func (c *counted) of(q question) whereabouts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.where[q]
}

func (c *counted) set(q question, w whereabouts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.where == nil {
		c.where = map[question]whereabouts{}
	}
	if _, known := c.where[q]; !known && len(c.where) >= maxCounted {
		for old := range c.where { // any
			delete(c.where, old)
			break
		}
	}
	c.where[q] = w
}
