package resource

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// ErrLarge is why [Check] has not looked at a document.
var ErrLarge = errors.New("it is too large to be checked")

// Check says what makes a file unreadable, whatever it holds: broken YAML or JSON, a key that is there twice or no scalar, aliases that
// make much of little. An error is an [*Error] for the first mistake; it is [ErrLarge] where a document has more than [MaxDocument] bytes, [ErrExpands]
// where aliases are to blame. Any number of documents, and none, are right.
func Check(file string, text []byte) error {
	for d := range documents(text) {
		if len(d.text) > MaxDocument {
			return &Error{file, d.line, ErrLarge}
		}
		if isPlain(d.text) {
			continue
		}
		nodes, err := d.parse(file)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			if err := checkKeys(n, 0); err != nil {
				return d.blame(file, err)
			}
			if (expansion{}).weigh(n) > d.allowed() {
				return &Error{file, d.line, ErrExpands}
			}
		}
	}
	return nil
}

// checkKeys looks for keys that are there twice, or are no scalars, as {{ x }} is a mapping whose key is one. What an alias stands for is looked at where it is written.
func checkKeys(n *yaml.Node, depth int) error {
	if depth > maxDepth {
		return &Error{Line: n.Line, Err: errDeep}
	}
	if n.Kind == yaml.MappingNode {
		if err := checkScalars(n); err != nil {
			return err
		}
		if err := checkTwice(n); err != nil {
			return err
		}
	}
	for _, child := range n.Content {
		if err := checkKeys(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func checkScalars(n *yaml.Node) error {
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return &Error{Line: n.Content[i].Line, Err: errKey}
		}
	}
	return nil
}

// A mapping of so few keys needs no index.
const fewKeys = 8

func checkTwice(n *yaml.Node) error {
	pairs := len(n.Content) / 2
	if pairs <= fewKeys {
		for i := range pairs {
			for j := range i {
				if key := n.Content[2*i]; sameKey(key, n.Content[2*j]) {
					return twice(key)
				}
			}
		}
		return nil
	}
	seen := make(map[string]*yaml.Node, pairs)
	for i := range pairs {
		key := n.Content[2*i]
		if known := seen[key.Value]; known != nil && sameKey(key, known) {
			return twice(key)
		}
		seen[key.Value] = key
	}
	return nil
}

// sameKey leaves alone what is merged, which may be several.
func sameKey(a, b *yaml.Node) bool {
	return a.Kind == yaml.ScalarNode && b.Kind == yaml.ScalarNode && a.Value == b.Value && a.ShortTag() == b.ShortTag() && a.ShortTag() != "!!merge"
}

func twice(key *yaml.Node) error {
	return &Error{Line: key.Line, Err: fmt.Errorf("key %q appears twice", key.Value)}
}
