package edit

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxFile is the size in bytes above which no file is read.
const MaxFile = 4 << 20

// File is a file of YAML or JSON that is being edited.
type File struct {
	text    []byte
	lines   []int // where each line begins
	docs    []*yaml.Node
	splices []splice
	extents map[*yaml.Node]splice // of scalars, as they were read
}

// splice puts other bytes in the place of those from start to end.
type splice struct {
	start, end int
	text       string
}

// Parse reads a file's text, which is not to be changed meanwhile.
func Parse(text []byte) (*File, error) {
	switch {
	case len(text) > MaxFile:
		return nil, fmt.Errorf("more than %d bytes", MaxFile)
	case !utf8.Valid(text):
		return nil, errors.New("it is no UTF-8")
	}
	docs, err := parse(text)
	if err != nil {
		return nil, err
	}
	return &File{text: text, docs: docs, lines: lineStarts(text), extents: map[*yaml.Node]splice{}}, nil
}

func parse(text []byte) (docs []*yaml.Node, err error) {
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var n yaml.Node
		switch err := decoder.Decode(&n); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, err
		}
		docs = append(docs, &n)
	}
}

// lineStarts splits lines where the YAML parser does, by whose lines nodes are found. A byte order mark is in none.
func lineStarts(text []byte) []int {
	at := 0
	if bytes.HasPrefix(text, []byte(bom)) {
		at = len(bom)
	}
	starts := []int{at}
	for at < len(text) {
		n := breakAt(text[at:])
		if n == 0 {
			at++
			continue
		}
		at += n
		starts = append(starts, at)
	}
	return starts
}

// bom is the byte order mark that a file may begin with.
const bom = "\ufeff"

// breakAt is the length of the line break that text begins with; 0: of none.
func breakAt(text []byte) int {
	for _, b := range []string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if bytes.HasPrefix(text, []byte(b)) {
			return len(b)
		}
	}
	return 0
}

// offset finds the byte at which a node begins. The parser counts characters.
func (f *File) offset(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line > len(f.lines) {
		return 0, errPlace
	}
	at := f.lines[n.Line-1]
	for range n.Column - 1 {
		if at >= len(f.text) {
			return 0, errPlace
		}
		_, size := utf8.DecodeRune(f.text[at:])
		at += size
	}
	return at, nil
}

var errPlace = errors.New("its place in the file cannot be told")

// Documents are the values at the top of each document.
func (f *File) Documents() []Value {
	var values []Value
	for _, d := range f.docs {
		if len(d.Content) > 0 {
			values = append(values, f.value(d.Content[0], Value{}))
		}
	}
	return values
}

// Changed tells whether anything was.
func (f *File) Changed() bool { return len(f.splices) > 0 }

// Bytes gives the text with all changes. It fails where the result would hold anything else than what was asked for.
func (f *File) Bytes() ([]byte, error) {
	if !f.Changed() {
		return f.text, nil
	}
	slices.SortStableFunc(f.splices, func(a, b splice) int { return cmp.Or(a.start-b.start, a.end-b.end) })
	var out []byte
	at := 0
	for _, s := range f.splices {
		if s.start < at {
			return nil, errors.New("two changes are in one place")
		}
		out = append(append(out, f.text[at:s.start]...), s.text...)
		at = s.end
	}
	out = append(out, f.text[at:]...)
	docs, err := parse(out)
	if err != nil || !slices.EqualFunc(f.docs, docs, same) {
		return nil, errors.New("it is written in a form that cannot be changed in place")
	}
	return out, nil
}

// same tells whether two nodes mean the same, aliases compared by their names.
func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Anchor != b.Anchor {
		return false
	}
	if a.Kind == yaml.AliasNode {
		return a.Value == b.Value
	}
	return a.ShortTag() == b.ShortTag() && a.Value == b.Value && slices.EqualFunc(a.Content, b.Content, same)
}
