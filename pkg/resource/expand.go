package resource

import (
	"errors"

	"go.yaml.in/yaml/v3"
)

// ErrExpands is why [Check] and [Set.Read] refuse a document that becomes far larger than it is written once its aliases are followed.
var ErrExpands = errors.New("too many values, aliases followed")

// expansion is what nodes with an anchor weigh, aliases followed. Each node of a document is looked at once, however often an alias names it.
type expansion map[*yaml.Node]int64

func (e expansion) weigh(n *yaml.Node) int64 {
	if n.Kind == yaml.AliasNode {
		if weight, ok := e[n.Alias]; ok {
			return weight
		}
		return maxWeight + 1 // within itself
	}
	weight := int64(weightOf(n))
	for _, child := range n.Content {
		weight = min(weight+e.weigh(child), maxWeight+1)
	}
	if n.Anchor != "" {
		e[n] = weight
	}
	return weight
}

// allowed is what the document may weigh.
func (d document) allowed() int64 { return freeWeight + byteWeight*int64(len(d.text)) }
