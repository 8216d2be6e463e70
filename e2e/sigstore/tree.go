package sigstore

import (
	"crypto/sha256"
	"math/bits"
)

// tree is the hashes of a log's entries (RFC 6962, 2.1).
type tree [][sha256.Size]byte

func leafHash(entry []byte) [sha256.Size]byte { return sha256.Sum256(append([]byte{0}, entry...)) }

// split is how many entries the left half holds: as many as a whole tree can, but not all.
func (t tree) split() int { return 1 << (bits.Len(uint(len(t)-1)) - 1) }

// root of a tree that has entries.
func (t tree) root() [sha256.Size]byte {
	if len(t) == 1 {
		return t[0]
	}
	k := t.split()
	left, right := t[:k].root(), t[k:].root()
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// path is what proves that the entry at an index is in the tree.
func (t tree) path(index int) [][sha256.Size]byte {
	if len(t) == 1 {
		return nil
	}
	k := t.split()
	if index < k {
		return append(t[:k].path(index), t[k:].root())
	}
	return append(t[k:].path(index-k), t[:k].root())
}
