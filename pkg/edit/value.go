package edit

import (
	"bytes"
	"errors"
	"iter"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Value is a value in a file; the zero Value is one that is not there.
type Value struct {
	file   *File
	node   *yaml.Node
	key    *yaml.Node // of the field that it is
	parent *yaml.Node // the mapping that it is a field of
	fixed  error      // why it must not be changed
}

var (
	errNone   = errors.New("there is no such value")
	errShared = errors.New("it is anchored or an alias, so that other places would change with it")
	errTwice  = errors.New("its key appears twice")
)

// value is a node below another value.
func (f *File) value(n *yaml.Node, above Value) Value {
	v := Value{file: f, node: n, fixed: above.fixed}
	if n.Kind == yaml.AliasNode {
		v.node = n.Alias
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		v.fixed = errShared
	}
	return v
}

// Field gives the field of that name, and in it the next one. What << merges is not looked at.
func (v Value) Field(names ...string) Value {
	for _, name := range names {
		v = v.field(name)
	}
	return v
}

func (v Value) field(name string) (found Value) {
	if v.node == nil || v.node.Kind != yaml.MappingNode {
		return Value{}
	}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := v.node.Content[i]
		if key.Kind != yaml.ScalarNode || key.Value != name {
			continue
		}
		if found.node != nil {
			found.fixed = errTwice
			return found
		}
		found = v.file.value(v.node.Content[i+1], v)
		found.key, found.parent = key, v.node
	}
	return found
}

// Items are the elements of a list; none where it is no list.
func (v Value) Items() []Value {
	if v.node == nil || v.node.Kind != yaml.SequenceNode {
		return nil
	}
	var items []Value
	for _, n := range v.node.Content {
		items = append(items, v.file.value(n, v))
	}
	return items
}

// Names are those of a mapping's fields.
func (v Value) Names() []string {
	if v.node == nil || v.node.Kind != yaml.MappingNode {
		return nil
	}
	var names []string
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		names = append(names, v.node.Content[i].Value)
	}
	return names
}

// Fields are a mapping's, by name, in their order. Aliases lead to the same values again and again, and may lead round in circles: whoever
// goes down into values counts them.
func (v Value) Fields() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.node == nil || v.node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			field := v.file.value(v.node.Content[i+1], v)
			field.key, field.parent = v.node.Content[i], v.node
			if !yield(field.key.Value, field) {
				return
			}
		}
	}
}

// Exists tells whether there is such a value. One that is null does not count.
func (v Value) Exists() bool { return v.node != nil && v.node.ShortTag() != "!!null" }

// String is a scalar's text; empty for anything else.
func (v Value) String() string {
	if !v.Exists() || v.node.Kind != yaml.ScalarNode {
		return ""
	}
	return v.node.Value
}

// Line is where the value, or its field's key, begins, from 1; 0 for a value that is not there.
func (v Value) Line() int {
	switch {
	case v.key != nil:
		return v.key.Line
	case v.node != nil:
		return v.node.Line
	}
	return 0
}

// Comment is the comment at the end of the line in which the field, or the value, begins, without its # and blanks around it; empty for
// none. A text that only looks like a comment, within quotes, may be taken for one.
func (v Value) Comment() string {
	line := v.Line()
	if line == 0 || line > len(v.file.lines) {
		return ""
	}
	at := v.key
	if at == nil {
		at = v.node
	}
	start, err := v.file.offset(at)
	if err != nil {
		return ""
	}
	if v.node.Kind == yaml.ScalarNode && v.node.Line == line {
		if from, to, err := v.file.extent(v.node); err == nil && from >= start {
			start = to
		}
	}
	row := v.file.text[start:]
	for i := range row {
		if breakAt(row[i:]) > 0 {
			row = row[:i]
			break
		}
	}
	i := bytes.IndexByte(row, '#')
	if i <= 0 || row[i-1] != ' ' && row[i-1] != '\t' {
		return ""
	}
	return strings.TrimSpace(string(row[i+1:]))
}
