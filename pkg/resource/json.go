package resource

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// parseJSON reads one JSON value after the other into the nodes that YAML would give, for JSON has escapes that YAML lacks.
func (d document) parseJSON() ([]*yaml.Node, error) {
	r := &jsonReader{text: d.text, line: 1, decoder: json.NewDecoder(bytes.NewReader(d.text))}
	r.decoder.UseNumber()
	var nodes []*yaml.Node
	for {
		n, err := r.node(0)
		switch {
		case errors.Is(err, io.EOF):
			return nodes, nil
		case err != nil:
			return nil, r.explain(err)
		}
		nodes = append(nodes, n)
	}
}

type jsonReader struct {
	text    []byte
	decoder *json.Decoder
	at      int64 // up to here lines are counted
	line    int
}

func (r *jsonReader) count() int {
	now := r.decoder.InputOffset()
	r.line += bytes.Count(r.text[r.at:now], []byte("\n"))
	r.at = now
	return r.line
}

func (r *jsonReader) node(depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: r.count()}
	switch t := token.(type) {
	case json.Delim:
		return n, r.children(n, t, depth)
	case string:
		n.Tag, n.Value, n.Style = "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		n.Tag, n.Value = "!!float", t.String()
		if _, err := t.Int64(); err == nil {
			n.Tag = "!!int"
		}
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(t)
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}

func (r *jsonReader) children(n *yaml.Node, opened json.Delim, depth int) error {
	n.Kind = yaml.SequenceNode
	if opened == '{' {
		n.Kind = yaml.MappingNode
	}
	for r.decoder.More() {
		child, err := r.node(depth + 1)
		if err != nil {
			return unfinished(err)
		}
		n.Content = append(n.Content, child)
	}
	_, err := r.decoder.Token()
	return unfinished(err)
}

func unfinished(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *jsonReader) explain(err error) error {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		upTo := min(max(e.Offset-1, r.at), int64(len(r.text)))
		return &Error{Line: r.line + bytes.Count(r.text[r.at:upTo], []byte("\n")), Err: err}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &Error{Line: r.line + bytes.Count(r.text[r.at:], []byte("\n")), Err: errors.New("it ends in the middle of a value")}
	}
	return &Error{Line: r.count(), Err: err}
}
