package signature

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
)

// wording is how people are told what CEL's parser says.
type wording struct {
	theirs *regexp.Regexp
	ours   string
}

func wordings() []wording {
	return []wording{
		{regexp.MustCompile(`^Syntax error: mismatched input '<EOF>'.*`), "it ends too early"},
		{regexp.MustCompile(`^Syntax error: (?:mismatched|extraneous) input ('.*') expecting .*`), "$1 cannot stand there"},
		{regexp.MustCompile(`^Syntax error: no viable alternative at input ('.*')`), "it cannot go on after $1"},
		{regexp.MustCompile(`^Syntax error: token recognition error at: (.*)`), "$1 means nothing"},
		{regexp.MustCompile(`^undeclared reference to ('.*') \(in container ''\)`), "there is no $1, but predicate, predicateType and subject"},
		{regexp.MustCompile(`^found no matching overload for '(.*)' applied to '(.*)'`), "$1 does not go with $2"},
	}
}

// expressionMistake says where an expression is wrong in words: CEL draws a picture of several lines.
func expressionMistake(text string, mistake *cel.Error) error {
	says := mistake.Message
	for _, w := range wordings() {
		says = w.theirs.ReplaceAllString(says, w.ours)
	}
	return errors.New(placeIn(text, mistake.Location.Line(), mistake.Location.Column()) + readable(errors.New(says)))
}

// placeIn counts lines from 1 and characters from 0, as CEL does; people count both from 1.
func placeIn(text string, line, column int) string {
	lines := strings.Split(text, "\n")
	switch {
	case line < 1 || line > len(lines) || column < 0:
		return ""
	case line == len(lines) && column >= utf8.RuneCountInString(lines[line-1]):
		return "at its end: "
	case len(lines) == 1:
		return fmt.Sprintf("at character %d: ", column+1)
	}
	return fmt.Sprintf("at character %d of line %d: ", column+1, line)
}
