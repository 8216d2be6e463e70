package pattern

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// MaxSteps bounds one program. A step is some hundred bytes once it is compiled.
const MaxSteps = 4096

const (
	maxBytes = 1024
	// wide is what each class or character beyond ASCII costs: it may stand for all letters there are, or end a range of which every
	// letter has to be looked up in either case, though little of that is left in the end.
	wide = 512
	// ranges are as many as weigh a step.
	ranges = 2
)

// Compile compiles a pattern that may match any part of a text.
func Compile(text string) (*regexp.Regexp, error) {
	if _, err := Steps(text); err != nil {
		return nil, err
	}
	return regexp.Compile(text)
}

// CompileWhole compiles one that has to match the whole. The text is parsed before anything is put around it, so that it cannot end what is.
func CompileWhole(text string) (*regexp.Regexp, error) {
	if _, err := Steps(text); err != nil {
		return nil, err
	}
	parsed, err := syntax.Parse(text, syntax.Perl) // since \Q quotes all that follows, the end as well
	if err != nil {
		return nil, err
	}
	return regexp.Compile(`\A(?:` + parsed.String() + `)\z`)
}

// Steps says how large the program of a pattern is: MaxSteps at most, or else it is an error, as is what is no pattern.
func Steps(text string) (int, error) {
	if len(text) > maxBytes {
		return 0, fmt.Errorf("it has more than %d bytes", maxBytes)
	}
	n := wide * (strings.Count(text, `\p`) + strings.Count(text, `\P`) + strings.Count(text, `\x{`) + beyondASCII(text))
	if n <= MaxSteps {
		parsed, err := syntax.Parse(text, syntax.Perl)
		if err != nil {
			return 0, err
		}
		n += steps(parsed)
	}
	if n > MaxSteps {
		return 0, fmt.Errorf("it would take more than %d steps to match: repeat less, and name fewer classes", MaxSteps)
	}
	return n, nil
}

func beyondASCII(text string) (n int) {
	for _, r := range text {
		if r >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

// steps are about the instructions that the compiler makes of it. Repetitions, which it writes out, come to a thousand at most, one in the other: the parser sees to that.
func steps(re *syntax.Regexp) int {
	n := 1
	for _, sub := range re.Sub {
		n += steps(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass:
		return 1 + len(re.Rune)/2/ranges
	case syntax.OpRepeat:
		return max(1, re.Min, re.Max) * n
	}
	return n
}
