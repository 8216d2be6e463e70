package edit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

var errBraces = errors.New("it is written in braces: only single values are changed there")

// Add writes a field with a text after this one, in the mapping that holds this one.
func (v Value) Add(name, text string) error {
	if err := v.checkField(); err != nil {
		return err
	}
	value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
	if err := v.checkNew([]*yaml.Node{key, value}, -1); err != nil {
		return err
	}
	if v.parent.Style&yaml.FlowStyle != 0 {
		return v.addInBraces(key, value)
	}
	written, err := quote(text, []byte(" "))
	if err != nil {
		return err
	}
	_, end := v.rows()
	v.file.insertRows(end, end, v.indent()+name+": "+written+"\n", v.key.Line)
	v.follow(key, value)
	return nil
}

func (v Value) addInBraces(key, value *yaml.Node) error {
	if v.node.Kind != yaml.ScalarNode {
		return errBraces
	}
	_, end, err := v.file.extent(v.node)
	if err != nil {
		return err
	}
	name, text := key.Value, value.Value
	if v.key.Style&yaml.DoubleQuotedStyle != 0 {
		name, text = fmt.Sprintf("%q", name), fmt.Sprintf("%q", text)
	} else if text, err = quote(text, []byte(" ")); err != nil {
		return err
	}
	between := ", "
	if row := v.file.before(v.key); strings.TrimSpace(row) == "" { // each field has a line of its own
		between = "," + v.file.lineEnd(v.key.Line) + row
	}
	v.file.splices = append(v.file.splices, splice{end, end, between + name + ": " + text})
	v.follow(key, value)
	return nil
}

// Replace puts fields, written as a mapping in YAML's block style, in the place of this one. Comments between its lines go with it, those
// above it stay. No fields take it away.
func (v Value) Replace(fields string) error {
	if err := v.checkField(); err != nil {
		return err
	}
	if v.parent.Style&yaml.FlowStyle != 0 {
		return errBraces
	}
	if strings.TrimSpace(v.file.before(v.key)) != "" {
		return errors.New("it shares its line with what is before it")
	}
	content, err := fieldsOf(fields)
	if err != nil {
		return err
	}
	i := slices.Index(v.parent.Content, v.key)
	if err := v.checkNew(content, i); err != nil {
		return err
	}
	start, end := v.rows()
	v.file.insertRows(start, end, v.indented(fields), v.key.Line)
	v.parent.Content = slices.Replace(slices.Clone(v.parent.Content), i, i+2, content...)
	return nil
}

// Append writes fields, as [Value.Replace] takes them, after this one.
func (v Value) Append(fields string) error {
	if err := v.checkField(); err != nil {
		return err
	}
	if v.parent.Style&yaml.FlowStyle != 0 {
		return errBraces
	}
	content, err := fieldsOf(fields)
	if err != nil {
		return err
	}
	if err := v.checkNew(content, -1); err != nil {
		return err
	}
	_, end := v.rows()
	v.file.insertRows(end, end, v.indented(fields), v.key.Line)
	v.follow(content...)
	return nil
}

// fieldsOf gives the keys and values of a mapping; none where there is no text.
func fieldsOf(fields string) ([]*yaml.Node, error) {
	docs, err := parse([]byte(fields))
	if err != nil || len(docs) == 0 {
		return nil, err
	}
	if len(docs) > 1 || docs[0].Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("what is to be written is no mapping")
	}
	return docs[0].Content[0].Content, nil
}

// indented moves lines to where the field begins.
func (v Value) indented(fields string) string {
	var rows strings.Builder
	for row := range strings.Lines(fields) {
		if row != "\n" {
			row = v.indent() + row
		}
		rows.WriteString(row)
	}
	return rows.String()
}

func (v Value) checkField() error {
	switch {
	case v.node == nil || v.parent == nil:
		return errNone
	case v.fixed != nil:
		return v.fixed
	case !slices.Contains(v.parent.Content, v.key):
		return errors.New("it was taken away")
	}
	return nil
}

// checkNew refuses fields that the mapping has already, but for the one at index i.
func (v Value) checkNew(fields []*yaml.Node, i int) error {
	for n := 0; n < len(fields); n += 2 {
		for at := 0; at < len(v.parent.Content); at += 2 {
			if at != i && v.parent.Content[at].Value == fields[n].Value {
				return fmt.Errorf("there is a field %q already, in line %d", fields[n].Value, v.parent.Content[at].Line)
			}
		}
	}
	return nil
}

// follow puts fields behind this one in the mapping that is expected.
func (v Value) follow(fields ...*yaml.Node) {
	i := slices.Index(v.parent.Content, v.key) + 2
	v.parent.Content = slices.Insert(slices.Clone(v.parent.Content), i, fields...)
}

func (v Value) indent() string { return strings.Repeat(" ", v.key.Column-1) }

// before is what stands before a node in its line.
func (f *File) before(n *yaml.Node) string {
	at, err := f.offset(n)
	if err != nil {
		return "?"
	}
	return string(f.text[f.lineStart(n.Line):at])
}

// lineStart is where a line, from 1, begins; the end of the text for a line behind it.
func (f *File) lineStart(line int) int {
	if line > len(f.lines) {
		return len(f.text)
	}
	return f.lines[line-1]
}

// lineEnd is the break after a line, or the one that the file uses where it is the last.
func (f *File) lineEnd(line int) string {
	for _, at := range []int{line + 1, 2} {
		if at > len(f.lines) {
			continue
		}
		end := f.lineStart(at)
		if bytes.HasSuffix(f.text[:end], []byte("\r\n")) {
			return "\r\n"
		}
	}
	return "\n"
}

// rows gives the first line of the field and the first one behind it: what is indented deeper belongs to it. Blank lines and comments at its
// end belong to what follows, unless they are indented as its parts are.
func (v Value) rows() (start, end int) {
	start, end = v.key.Line, v.key.Line+1
	for line := end; line <= len(v.file.lines); line++ {
		row := string(v.file.text[v.file.lineStart(line):v.file.lineStart(line+1)])
		text := strings.TrimSpace(row)
		indent := len(row) - len(strings.TrimLeft(row, " "))
		comment := strings.HasPrefix(text, "#")
		switch {
		case text == "", comment && indent < v.key.Column:
			continue
		case indent >= v.key.Column:
		case indent == v.key.Column-1 && v.node.Kind == yaml.SequenceNode && strings.HasPrefix(text, "-") && !strings.HasPrefix(text, "---"):
		default:
			return start, end
		}
		end = line + 1
	}
	return start, end
}

// insertRows puts lines in the place of those from start to end, with the line ends of the line at.
func (f *File) insertRows(start, end int, rows string, at int) {
	lineEnd := f.lineEnd(at)
	rows = strings.ReplaceAll(rows, "\n", lineEnd)
	from, to := f.lineStart(start), f.lineStart(end)
	if to == len(f.text) && !bytes.HasSuffix(f.text, []byte("\n")) { // the last line has no end: none gets one
		rows = strings.TrimSuffix(rows, lineEnd)
		if from == to {
			rows = lineEnd + rows
		}
	}
	f.splices = append(f.splices, splice{from, to, rows})
}
