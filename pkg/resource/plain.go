package resource

import (
	"slices"
	"strings"
)

// isPlain tells whether a document is YAML of the plainest kind, as most manifests are: keys, scalars on one line, lists and block scalars,
// no key twice. It looks at each byte once and keeps nothing, so that thousands of files are checked in no time. What it does not know
// is for the parser to judge: false says nothing.
func isPlain(text []byte) bool {
	p := plain{}
	for row := range strings.Lines(string(text)) {
		if !p.line(strings.TrimSuffix(row, "\n")) {
			return false
		}
	}
	return true
}

type plain struct {
	open   []collection // from the root inwards
	rooted bool         // there was a first
	begin  bool         // the last key has no value yet
	block  int          // indentation of the block scalar under way; 0: not known yet
	inside bool         // a block scalar
	parent int          // indentation of the block scalar's key
}

// collection is a mapping or a list that is under way.
type collection struct {
	indent int
	list   bool
	keys   []string        // the first ones
	more   map[string]bool // the others
}

// add tells whether the key was not there yet.
func (c *collection) add(key string) bool {
	switch {
	case slices.Contains(c.keys, key) || c.more[key]:
		return false
	case len(c.keys) < fewKeys:
		c.keys = append(c.keys, key)
		return true
	case c.more == nil:
		c.more = map[string]bool{}
	}
	c.more[key] = true
	return true
}

// Beyond these it is for the parser.
const (
	plainDepth = 40
	maxPlain   = 200 // bytes
)

func (p *plain) line(row string) bool {
	text := strings.TrimLeft(row, " ")
	indent := len(row) - len(text)
	if !isPrintable(text) {
		return false
	}
	if p.inside {
		switch {
		case text == "":
			return p.block > 0 // before the first line it might be indented more
		case indent <= p.parent:
			p.inside = false
		case p.block == 0:
			p.block = indent
			return true
		default:
			return indent >= p.block
		}
	}
	if text == "" || text[0] == '#' || text == "---" && indent == 0 && !p.rooted {
		return true
	}
	for strings.HasPrefix(text, "- ") {
		if !p.enter(indent, true) {
			return false
		}
		text, indent = text[2:], indent+2
		if isPlainScalar(text) && !strings.Contains(text, ":") || isQuoted(text) || isFlow(text) {
			p.begin = false
			return true
		}
		p.begin = true // of the element
	}
	return p.entry(text, indent)
}

// entry reads a key and its value, if there is one on this line.
func (p *plain) entry(text string, indent int) bool {
	key, value, ok := strings.Cut(text, ":")
	if !ok || !isPlainKey(key) || !p.enter(indent, false) {
		return false
	}
	if !p.open[len(p.open)-1].add(key) {
		return false
	}
	p.begin = value == ""
	if value == "" {
		return true
	}
	switch value {
	case " |", " |-", " >", " >-":
		p.inside, p.block, p.parent = true, 0, indent
		return true
	}
	value, ok = strings.CutPrefix(value, " ")
	return ok && (isPlainScalar(value) || isQuoted(value) || isFlow(value))
}

// enter goes to the collection that a line of this indentation belongs to, and begins one where that is possible.
func (p *plain) enter(indent int, list bool) bool {
	for len(p.open) > 0 && p.open[len(p.open)-1].indent > indent {
		p.open, p.begin = p.open[:len(p.open)-1], false
	}
	n := len(p.open)
	if n > 0 && p.open[n-1].indent == indent {
		switch top := p.open[n-1]; {
		case top.list == list:
			return true
		case list: // under its key, which may be as far to the left
			return p.begin && p.push(indent, true)
		case n > 1 && p.open[n-2].indent == indent: // such a list ends
			p.open = p.open[:n-1]
			return true
		}
		return false
	}
	return (n == 0 && !p.rooted || n > 0 && p.begin) && p.push(indent, list)
}

func (p *plain) push(indent int, list bool) bool {
	p.open, p.begin, p.rooted = append(p.open, collection{indent: indent, list: list}), false, true
	return len(p.open) < plainDepth
}

func isPrintable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

func isPlainKey(key string) bool {
	if key == "" || len(key) > maxPlain || !isLetter(key[0]) {
		return false
	}
	for i := range len(key) {
		if c := key[i]; !isLetter(c) && (c < '0' || c > '9') && strings.IndexByte("_./-", c) < 0 {
			return false
		}
	}
	return true
}

// isWord tells what means itself wherever it stands, but as a number or the like.
func isWord(text string) bool {
	for i := range len(text) {
		if c := text[i]; !isLetter(c) && (c < '0' || c > '9') && (i == 0 || strings.IndexByte("_./-", c) < 0) {
			return false
		}
	}
	return text != ""
}

// isFlow tells a list or a mapping of words on one line, as [a, b] and {a: b, c: d}.
func isFlow(text string) bool {
	if text == "[]" || text == "{}" {
		return true
	}
	if len(text) < 3 || text[0] != '[' && text[0] != '{' || text[len(text)-1] != text[0]+2 {
		return false
	}
	var c collection
	for item := range strings.SplitSeq(text[1:len(text)-1], ", ") {
		if text[0] == '{' {
			key, value, _ := strings.Cut(item, ": ")
			if !isPlainKey(key) || !c.add(key) {
				return false
			}
			item = value
		}
		if !isWord(item) {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// isPlainScalar tells what begins as no other thing does, and has neither a key nor a comment in it.
func isPlainScalar(text string) bool {
	if text == "" || text[len(text)-1] == ':' || strings.Contains(text, ": ") || strings.Contains(text, " #") {
		return false
	}
	c := text[0]
	return isLetter(c) || c >= '0' && c <= '9' || strings.IndexByte("/_.$(~+", c) >= 0 || c == '-' && len(text) > 1 && text[1] != ' '
}

// isQuoted tells a text in quotes without anything in it that would mean something.
func isQuoted(text string) bool {
	return len(text) >= 2 && (text[0] == '"' || text[0] == '\'') && strings.IndexAny(text[1:], `"'\`) == len(text)-2 && text[len(text)-1] == text[0]
}
