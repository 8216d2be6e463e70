package resource

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"
)

const (
	maxDepth = 200 // of values in values, aliases followed

	// A value weighs the bytes of its text and, for the memory that it takes beside it, these; a mapping with anything in it more, and
	// still more for each field above those that it has room for.
	valueWeight, mappingWeight = 32, 320
	fieldWeight, freeFields    = 64, 8
	// What a set may weigh, aliases followed.
	maxWeight = 512 << 20
	// What a document may weigh: so much, and for each byte of it what no document needs that does without aliases of aliases.
	freeWeight, byteWeight = 1 << 20, 128
)

var (
	errDeep = fmt.Errorf("values are nested deeper than %d", maxDepth)
	errKey  = errors.New("a key is no scalar")
)

// reading turns the nodes of one file into values.
type reading struct {
	file   string
	before int   // lines of the file before the document whose nodes these are
	left   int64 // of the weight that is allowed, in a document to it
}

func (r *reading) fail(n *yaml.Node, format string, args ...any) error {
	return &Error{r.file, r.line(n), fmt.Errorf(format, args...)}
}

func (r *reading) line(n *yaml.Node) int { return r.before + n.Line }

func (r *reading) spend(n *yaml.Node, weight int) error {
	if r.left -= int64(weight); r.left < 0 {
		return r.fail(n, "%w", ErrExpands)
	}
	return nil
}

// weightOf is that of a value without those in it.
func weightOf(n *yaml.Node) int {
	weight := valueWeight + len(n.Value)
	if fields := len(n.Content) / 2; n.Kind == yaml.MappingNode && fields > 0 {
		weight += mappingWeight + fieldWeight*max(0, fields-freeFields)
	}
	return weight
}

func (r *reading) value(n *yaml.Node, depth int) (any, error) {
	if err := r.spend(n, weightOf(n)); err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, r.fail(n, "%w", errDeep)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return r.value(n.Content[0], depth)
	case yaml.AliasNode:
		return r.value(n.Alias, depth+1)
	case yaml.MappingNode:
		return r.mapping(n, depth)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, child := range n.Content {
			v, err := r.value(child, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	return r.scalar(n)
}

// mapping reads a mapping. What is merged into it gives way to its own keys.
func (r *reading) mapping(n *yaml.Node, depth int) (map[string]any, error) {
	values, lines := make(map[string]any, len(n.Content)/2), make(map[string]int, len(n.Content)/2)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			merged = append(merged, n.Content[i+1])
			continue
		}
		key, err := r.key(n.Content[i])
		if err != nil {
			return nil, err
		}
		if first, ok := lines[key]; ok {
			return nil, r.fail(n.Content[i], "key %q appears twice, first in line %d", key, first)
		}
		lines[key] = r.line(n.Content[i])
		if values[key], err = r.value(n.Content[i+1], depth+1); err != nil {
			return nil, err
		}
	}
	for _, m := range merged {
		if err := r.merge(values, m, depth+1); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func isMerge(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "<<" && (n.Tag == "!!merge" || n.Tag == "" && n.Style == 0)
}

// merge adds what a mapping, or each of a list of mappings, has and values lacks.
func (r *reading) merge(values map[string]any, n *yaml.Node, depth int) error {
	v, err := r.value(n, depth)
	if err != nil {
		return err
	}
	sources, ok := v.([]any)
	if !ok {
		sources = []any{v}
	}
	for _, source := range sources {
		from, ok := source.(map[string]any)
		if !ok {
			return r.fail(n, "what << merges is no mapping")
		}
		for key, value := range from {
			if _, has := values[key]; !has {
				values[key] = value
			}
		}
	}
	return nil
}

func (r *reading) key(n *yaml.Node) (string, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		return "", r.fail(n, "%w", errKey)
	}
	v, err := r.scalar(n)
	if err != nil {
		return "", err
	}
	if r.left -= int64(len(n.Value)); v == nil {
		return "null", nil
	}
	return fmt.Sprint(v), nil
}

func (r *reading) scalar(n *yaml.Node) (any, error) {
	if b, ok := olderBool(n); ok {
		return b, nil
	}
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		return b, r.decode(n, &b)
	case "!!int":
		var i int64
		if n.Decode(&i) == nil {
			return i, nil
		}
		return r.float(n)
	case "!!float":
		return r.float(n)
	case "!!binary":
		return nil, r.fail(n, "binary values have no place in JSON")
	}
	return n.Value, nil
}

// float fails where JSON has no such number.
func (r *reading) float(n *yaml.Node) (any, error) {
	f, err := strconv.ParseFloat(n.Value, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		if err := r.decode(n, &f); err != nil {
			return nil, err
		}
	}
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, r.fail(n, "infinity and not-a-number are none of JSON's numbers")
	}
	return f, nil
}

func (r *reading) decode(n *yaml.Node, v any) error {
	if n.Decode(v) != nil {
		return r.fail(n, "a value is no %.64q", n.ShortTag()) // which may be secret
	}
	return nil
}

// olderBool knows the booleans of YAML 1.1, which kubectl reads.
func olderBool(n *yaml.Node) (value, ok bool) {
	if n.Style != 0 || n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		return false, false
	}
	switch n.Value {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON":
		return true, true
	case "n", "N", "no", "No", "NO", "off", "Off", "OFF":
		return false, true
	}
	return false, false
}
