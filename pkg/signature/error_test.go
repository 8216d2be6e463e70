package signature

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// What others wrote is put into messages by libraries, too; a terminal must not obey it.
func TestReadableIsOneLineThatCanBePrinted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain: \"quoted\" ü":      "plain: \"quoted\" ü",
		"two\nlines\t and\r blank": "two lines and blank",
		"\x1b]0;title\a":           "U+001B]0;titleU+0007",
		"a\u202eb":                 "aU+202Eb",
	} {
		if got := readable(errors.New(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzReadable(f *testing.F) {
	f.Add("\x1b[2J\xff\u202e")
	f.Add(strings.Repeat("ü", 400))
	f.Fuzz(func(t *testing.T, text string) {
		got := readable(errors.New(text))
		if len(got) > maxReadable+20 || !utf8.ValidString(got) {
			t.Errorf("%q: got %q", text, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: got %q, which cannot be printed", text, got)
		}
	})
}
