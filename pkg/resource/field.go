package resource

import (
	"maps"
	"slices"
	"strconv"
)

// Change is what became of an object, a field or a file.
type Change string

// The changes. Reordered is a list whose elements are the same, told by their keys.
const (
	Added     Change = "added"
	Removed   Change = "removed"
	Changed   Change = "changed"
	Reordered Change = "reordered"
)

// Field is a change of one field of an object. What was added or removed as a whole is one change.
type Field struct {
	Path   string `json:"path"`
	Change Change `json:"change"`
	Old    any    `json:"old,omitempty"` // none when added; the keys of the elements when reordered
	New    any    `json:"new,omitempty"` // none when removed
}

// fields collects what differs between two values.
type fields []Field

func (f *fields) compare(at fieldPath, list string, a, b any) {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			f.maps(at, x, y)
			return
		}
	case []any:
		if y, ok := b.([]any); ok {
			f.lists(at, list, x, y)
			return
		}
	}
	if !equalScalars(a, b) {
		f.add(at, Changed, a, b)
	}
}

func (f *fields) add(at fieldPath, change Change, a, b any) {
	*f = append(*f, Field{at.String(), change, a, b})
}

func (f *fields) maps(at fieldPath, a, b map[string]any) {
	for _, key := range sortedKeys(union(a, b)) {
		x, inA := a[key]
		y, inB := b[key]
		f.pair(at.field(key), key, x, inA, y, inB)
	}
}

// pair compares what may be missing on one side.
func (f *fields) pair(at fieldPath, name string, a any, inA bool, b any, inB bool) {
	switch {
	case !inA:
		f.add(at, Added, nil, b)
	case !inB:
		f.add(at, Removed, a, nil)
	default:
		f.compare(at, name, a, b)
	}
}

func union(a, b map[string]any) map[string]any {
	all := make(map[string]any, len(a))
	for _, m := range []map[string]any{a, b} {
		for key := range m {
			all[key] = nil
		}
	}
	return all
}

func (f *fields) lists(at fieldPath, name string, a, b []any) {
	keysA, keysB, ok := keyed(name, a, b)
	if !ok {
		f.positions(at, a, b)
		return
	}
	inA, inB := byKey(keysA, a), byKey(keysB, b)
	for _, key := range keysA {
		y, has := inB[key]
		f.pair(at.element(key), "", inA[key], true, y, has)
	}
	for _, key := range keysB {
		if _, has := inA[key]; !has {
			f.add(at.element(key), Added, nil, inB[key])
		}
	}
	isMissing := func(other map[string]any) func(string) bool {
		return func(key string) bool { _, has := other[key]; return !has }
	}
	keysA, keysB = slices.DeleteFunc(keysA, isMissing(inB)), slices.DeleteFunc(keysB, isMissing(inA))
	if !slices.Equal(keysA, keysB) {
		f.add(at, Reordered, keysA, keysB)
	}
}

func byKey(keys []string, list []any) map[string]any {
	all := make(map[string]any, len(list))
	for i, key := range keys {
		all[key] = list[i]
	}
	return all
}

// positions compares lists whose elements have no names: what both begin with and end with is the same, and of the rest the elements at
// the same place are compared.
func (f *fields) positions(at fieldPath, a, b []any) {
	begin := 0
	for begin < min(len(a), len(b)) && equal(a[begin], b[begin]) {
		begin++
	}
	endA, endB := len(a), len(b)
	for endA > begin && endB > begin && equal(a[endA-1], b[endB-1]) {
		endA, endB = endA-1, endB-1
	}
	for i := begin; i < max(endA, endB); i++ {
		var x, y any
		if i < endA {
			x = a[i]
		}
		if i < endB {
			y = b[i]
		}
		f.pair(at.element(strconv.Itoa(i)), "", x, i < endA, y, i < endB)
	}
}

// equal looks at each value once: lists in lists would be compared again and again if the changes in them were collected for it.
func equal(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, equal)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, equal)
	}
	return equalScalars(a, b)
}

// equalScalars takes 1 and 1.0 for the same, as JSON does. A map or a list is never equal to what is none.
func equalScalars(a, b any) bool {
	switch x := a.(type) {
	case map[string]any, []any:
		return false
	case int64:
		if y, ok := b.(float64); ok {
			return float64(x) == y
		}
	case float64:
		if y, ok := b.(int64); ok {
			return x == float64(y)
		}
	}
	switch b.(type) {
	case map[string]any, []any:
		return false
	}
	return a == b
}
