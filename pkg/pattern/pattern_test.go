package pattern

import (
	"regexp/syntax"
	"strings"
	"testing"
)

// What people write is far from the bounds.
func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text        string
		part, whole string // what matches
		but         string // what does not match as a whole
	}{
		{`^https://token\.actions\.githubusercontent\.com$`, "https://token.actions.githubusercontent.com", "https://token.actions.githubusercontent.com", "http://token"},
		{`^https://github\.com/org/[a-z0-9-]{1,100}/\.github/workflows/.+@refs/(heads/main|tags/v[0-9.]+)$`,
			"https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1.0", "https://github.com/org/app/.github/workflows/release.yml@refs/heads/main", ""},
		{`(?i)^j(ü|ue)rgen@example\.com$`, "JÜRGEN@example.com", "juergen@example.com", "jorgen@example.com"},
		{`\pL+`, "1aé2", "aé", "a1"},
		{`a|b`, "xb", "a", "ab"},
		{`\Qa.b`, "xa.by", "a.b", "a.bc"},
		{"", "x", "", "x"},
		{strings.Repeat("a", maxBytes), strings.Repeat("a", maxBytes+1), strings.Repeat("a", maxBytes), "a"},
	} {
		part, err := Compile(tc.text)
		if err != nil || !part.MatchString(tc.part) {
			t.Errorf("%s: %v, or it does not match a part of %q", tc.text, err, tc.part)
		}
		whole, err := CompileWhole(tc.text)
		if err != nil || !whole.MatchString(tc.whole) || tc.but != "" && whole.MatchString(tc.but) {
			t.Errorf("%s: %v, or it does not match %q, or matches %q", tc.text, err, tc.whole, tc.but)
		}
	}
}

// Short texts of large programs are refused, and so is what takes long to read.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{
		".{1000}", "^.{1000}", `\pL{1000}`, "(?:a|b){1000}", "(?:x?){1000}", "(?:x?y?){500}", "(x*y*z*){333}", "((x{10}){10}){10}", "(?:){1000}", "x{0,1000}", "x{1000,}",
		`[[:^alpha:]\pL]`, `(?i)\pL`, `[\pL\PL]`, "(?i)[B-\U0001e943]", `(?i)[B-\x{1e943}]`,
	} {
		text := strings.Repeat(unit, maxBytes/len(unit))
		for _, compile := range []func(string) error{
			func(text string) error { _, err := Compile(text); return err },
			func(text string) error { _, err := CompileWhole(text); return err },
		} {
			if err := compile(text); err == nil || !strings.Contains(err.Error(), "more than 4096 steps") {
				t.Errorf("%s…: %v", unit, err)
			}
		}
	}
	if _, err := Compile(strings.Repeat("a", maxBytes+1)); err == nil || !strings.Contains(err.Error(), "more than 1024 bytes") {
		t.Errorf("long: %v", err)
	}
	if _, err := Compile("("); err == nil || !strings.Contains(err.Error(), "missing closing )") {
		t.Errorf("no pattern: %v", err)
	}
}

// No program is much larger than was reckoned.
func FuzzSteps(f *testing.F) {
	for _, text := range []string{"(x*y*z*){33}", "a|b|cd|(e)", `^\pL{9}$`, "(?i)k{2,3}", "(?:a?){5,}", "[a-z0-9-]{1,100}", "x**", `(|a)*\b(?s:.)`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		reckoned, err := Steps(text)
		if err != nil {
			return
		}
		parsed, err := syntax.Parse(text, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		program, err := syntax.Compile(parsed.Simplify())
		if err != nil {
			t.Fatal(err)
		}
		weight := 0
		for _, inst := range program.Inst {
			weight += 1 + len(inst.Rune)/2/ranges
		}
		if weight > 2*reckoned+4 {
			t.Errorf("%q has %d steps and was reckoned to have %d", text, weight, reckoned)
		}
		if _, err := CompileWhole(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
