package resource

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fieldPath is the way to a value in an object, written as in spec.containers[web].image.
type fieldPath struct{ text string }

// maxPath is after how many bytes a path ends in an ellipsis: a long key would be repeated for each value below it.
const maxPath = 512

const ellipsis = "…"

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// field is the path of a key's value below p.
func (p fieldPath) field(key string) fieldPath {
	switch {
	case !plainKey.MatchString(key):
		return p.with("[" + strconv.Quote(key) + "]")
	case p.text == "":
		return p.with(key)
	}
	return p.with("." + key)
}

// element is the path of a list's element below p, by its key or its number.
func (p fieldPath) element(name string) fieldPath { return p.with("[" + printable(name) + "]") }

func (p fieldPath) with(part string) fieldPath {
	switch {
	case strings.HasSuffix(p.text, ellipsis):
		return p
	case len(p.text)+len(part) > maxPath:
		return fieldPath{p.text + ellipsis}
	}
	return fieldPath{p.text + part}
}

func (p fieldPath) String() string { return p.text }

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
