package edit

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

var (
	errLines     = errors.New("it is written over several lines")
	errNoScalar  = errors.New("it is no single value")
	errUnwritten = errors.New("there is nothing in its place")
)

// Set makes a scalar another text, in the quotes that it has; one without gets quotes where the text needs some.
func (v Value) Set(text string) error {
	switch {
	case v.node == nil:
		return errNone
	case v.fixed != nil:
		return v.fixed
	case v.node.Kind != yaml.ScalarNode:
		return errNoScalar
	}
	start, end, err := v.file.extent(v.node)
	if err != nil {
		return err
	}
	written, err := quote(text, v.file.text[start:end])
	if err != nil {
		return err
	}
	v.file.splices = append(v.file.splices, splice{start, end, written})
	v.node.Value, v.node.Tag = text, "!!str"
	return nil
}

// extent finds the bytes of a scalar, its quotes among them, as they were read.
func (f *File) extent(n *yaml.Node) (start, end int, err error) {
	if known, ok := f.extents[n]; ok {
		return known.start, known.end, nil
	}
	if start, end, err = f.find(n); err == nil {
		f.extents[n] = splice{start: start, end: end}
	}
	return start, end, err
}

func (f *File) find(n *yaml.Node) (start, end int, err error) {
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return 0, 0, errLines
	}
	if n.Style&yaml.TaggedStyle != 0 || n.Anchor != "" {
		return 0, 0, errors.New("it has a tag or an anchor")
	}
	if start, err = f.offset(n); err != nil {
		return 0, 0, err
	}
	rest := f.text[start:]
	length := 0
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		length = quotedLength(rest, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		length = quotedLength(rest, '\'')
	case n.Value == "":
		return 0, 0, errUnwritten
	case bytes.HasPrefix(rest, []byte(n.Value)):
		length = len(n.Value)
	}
	if length == 0 {
		return 0, 0, errLines
	}
	return start, start + length, nil
}

// quotedLength is the length of the quoted text in one line that rest begins with; 0 for none.
func quotedLength(rest []byte, mark byte) int {
	if len(rest) == 0 || rest[0] != mark {
		return 0
	}
	for i := 1; i < len(rest); i++ {
		switch {
		case breakAt(rest[i:]) > 0, mark == '"' && rest[i] == '\\' && breakAt(rest[i+1:]) > 0:
			return 0
		case mark == '"' && rest[i] == '\\':
			i++
		case rest[i] == mark && mark == '\'' && i+1 < len(rest) && rest[i+1] == mark:
			i++
		case rest[i] == mark:
			return i + 1
		}
	}
	return 0
}

// quote writes text in the quotes of what it takes the place of.
func quote(text string, old []byte) (string, error) {
	printable := !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
	switch {
	case old[0] == '\'' && printable:
		return "'" + strings.ReplaceAll(text, "'", "''") + "'", nil
	case old[0] != '\'' && old[0] != '"' && isPlain(text):
		return text, nil
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(text)
	return strings.TrimSuffix(b.String(), "\n"), err
}

var (
	plainWord    = regexp.MustCompile(`^([a-zA-Z]|[0-9]+\.[0-9]+\.[0-9])[-a-zA-Z0-9._+/@]*(:[-a-zA-Z0-9._+/@]+)*$`)
	reservedWord = regexp.MustCompile(`^(?i:y|yes|n|no|on|off|true|false|null)$`)
)

// isPlain tells whether any reader of YAML takes the text without quotes for a text, wherever it stands. It knows fewer such texts than
// there are.
func isPlain(text string) bool { return plainWord.MatchString(text) && !reservedWord.MatchString(text) }
