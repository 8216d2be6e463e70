package resource

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// fieldPath is the way to a value in an object, written as in spec.containers[web].image.
type fieldPath struct{ text string }

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// field is the path of a key's value below p.
func (p fieldPath) field(key string) fieldPath {
	switch {
	case !plainKey.MatchString(key):
		return fieldPath{p.text + "[" + strconv.Quote(key) + "]"}
	case p.text == "":
		return fieldPath{key}
	}
	return fieldPath{p.text + "." + key}
}

// element is the path of a list's element below p, by its key or its number.
func (p fieldPath) element(name string) fieldPath {
	return fieldPath{p.text + "[" + printable(name) + "]"}
}

func (p fieldPath) String() string { return p.text }

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
