package policy

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
)

// glob matches a name: a star stands for any characters, none included, and every other character for itself.
type glob string

func (g glob) matches(name string) bool {
	return match([]byte(g), []byte(name), func(b byte) bool { return b == '*' }, func(b, c byte) bool { return b == c })
}

// pattern matches a place segment by segment, the host first: a double star stands for any segments, none included.
type pattern []glob

const doubleStar = glob("**")

func (p pattern) matches(place []string) bool {
	return match(p, place, func(g glob) bool { return g == doubleStar }, glob.matches)
}

// match compares from left to right, and goes back to the last star alone: the time is the product of both lengths at most.
func match[P, T any](pattern []P, text []T, star func(P) bool, fits func(P, T) bool) bool {
	p, t, lastStar, taken := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && star(pattern[p]):
			lastStar, taken = p, t
			p++
		case p < len(pattern) && fits(pattern[p], text[t]):
			p++
			t++
		case lastStar >= 0:
			taken++
			p, t = lastStar+1, taken
		default:
			return false
		}
	}
	return !slices.ContainsFunc(pattern[p:], func(one P) bool { return !star(one) })
}

// split gives the segments of a place, its host in one spelling: nobody gets around a rule by writing GHCR.io:443.
func split(place string) []string {
	segments := strings.Split(place, "/")
	segments[0] = canonical(segments[0])
	return segments
}

func canonical(host string) string {
	host = strings.ToLower(host)
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, "443"
	}
	name = strings.TrimSuffix(name, ".")
	if slices.Contains([]string{"index.docker.io", "registry-1.docker.io"}, name) {
		name = "docker.io"
	}
	switch {
	case port != "443":
		return net.JoinHostPort(name, port)
	case err == nil && strings.Contains(name, ":"):
		return "[" + name + "]"
	}
	return name
}

var (
	hostPattern      = regexp.MustCompile(`^[a-zA-Z0-9.:_*\[\]-]+$`)
	segmentPattern   = regexp.MustCompile(`^[a-z0-9._*-]+$`)
	namespacePattern = regexp.MustCompile(`^[a-z0-9*-]+$`)
)

func parseGlob(s string) (glob, error) {
	if !namespacePattern.MatchString(s) || strings.Contains(s, "**") {
		return "", fmt.Errorf("%q is no name of a namespace, with * for any characters", s)
	}
	return glob(s), nil
}

var errWholeRegistry = errors.New("it has no path: write /** behind the host for all of its repositories")

func parsePattern(s string) (pattern, error) {
	var parsed pattern
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		return nil, fmt.Errorf("%q: leave %s:// out, as in %s", s, scheme, rest)
	}
	for i, segment := range split(s) {
		switch {
		case segment == string(doubleStar):
		case strings.Contains(segment, string(doubleStar)):
			return nil, fmt.Errorf("%q: ** stands alone between slashes", s)
		case i == 0 && !hostPattern.MatchString(segment):
			return nil, fmt.Errorf("%q: it does not begin with a host, as in ghcr.io/org/**", s)
		case i > 0 && !segmentPattern.MatchString(segment):
			return nil, fmt.Errorf("%q: %q is no part of a repository's name", s, segment)
		}
		parsed = append(parsed, glob(segment))
	}
	if len(parsed) == 1 && parsed[0] != doubleStar {
		return nil, fmt.Errorf("%q: %w", s, errWholeRegistry)
	}
	return parsed, nil
}
