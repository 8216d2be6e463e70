package archive

import "slices"

import "strings"

// prefilter tells at a fraction of the cost of matching that no pattern leaves a path out. A pattern fits only where its
// last word does, and that is mostly a plain name or "*" before a plain ending.
type prefilter struct {
	names  map[string]bool
	ends   []string
	opaque bool // some pattern has no such word
}

func (f *prefilter) add(line string) {
	if strings.HasPrefix(line, "!") {
		return // brings back what another pattern, which fits too, leaves out
	}
	word := lastWord(line)
	end, star := strings.CutPrefix(word, "*")
	switch {
	case end == "" || strings.ContainsAny(end, `*?[\`):
		f.opaque = true
	case star:
		f.ends = append(f.ends, end)
	default:
		if f.names == nil {
			f.names = map[string]bool{}
		}
		f.names[word] = true
	}
}

// lastWord is the last element of a pattern that has to fit an element of a path, or "" when there is none.
func lastWord(line string) string {
	words := strings.Split(strings.TrimRight(line, " "), "/")
	for _, word := range slices.Backward(words) {
		if word != "" && word != "**" {
			return word
		}
	}
	return ""
}

// passes reports whether a pattern may leave name out.
func (f *prefilter) passes(name string) bool {
	if f.opaque {
		return true
	}
	for word := range strings.SplitSeq(name, "/") {
		if f.names[word] {
			return true
		}
		for _, end := range f.ends {
			if strings.HasSuffix(word, end) {
				return true
			}
		}
	}
	return false
}
