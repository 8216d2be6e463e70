package policy

import (
	"path"
	"strings"
	"testing"
)

// Whatever the file says, it is refused or decides; it never panics, and never permits nothing as if it were everything.
func FuzzParse(f *testing.F) {
	f.Add(header + "rules:\n- {namespaces: [a], registries: [ghcr.io/org/**], insecure: true, addresses: [public]}\n")
	f.Add(header + "rules: [{}]\n---\n")
	f.Add(header + "rules: &a [*a]")
	f.Add("{")
	f.Fuzz(func(t *testing.T, file string) {
		p, err := Parse([]byte(file))
		if err != nil {
			return
		}
		rule, err := p.For("a", "ghcr.io/org/app")
		if err == nil && rule.Reach == (Reach{}) {
			t.Errorf("%q: a rule that reaches nothing: %+v", file, rule)
		}
	})
}

// The matcher agrees with a simple one that tries everything.
func FuzzMatch(f *testing.F) {
	f.Add("ghcr.io/**/app", "ghcr.io/a/b/app")
	f.Add("*.example.com/*", "a.example.com/b")
	f.Add("**/a/**/a/**", "x/a/a/a")
	f.Add("a*b*c/**", "aXbXbYc")
	f.Fuzz(func(t *testing.T, text, place string) {
		p, err := parsePattern(text)
		if err != nil || len(text) > 24 || len(place) > 24 || strings.ContainsAny(place+text, `[]\?`) {
			return
		}
		if got, want := p.matches(split(place)), slowly(p, split(place)); got != want {
			t.Errorf("%q matches %q: %v, want %v", text, place, got, want)
		}
	})
}

func slowly(p pattern, place []string) bool {
	switch {
	case len(p) == 0:
		return len(place) == 0
	case p[0] == doubleStar:
		return slowly(p[1:], place) || len(place) > 0 && slowly(p, place[1:])
	case len(place) == 0:
		return false
	}
	ok, err := path.Match(string(p[0]), place[0])
	return ok && err == nil && slowly(p[1:], place[1:])
}
