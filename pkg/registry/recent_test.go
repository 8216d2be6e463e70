package registry

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestRecent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var gone []string
		r := newRecent(4, func(k string, _ int) { gone = append(gone, k) })
		check := func(what string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, gone); diff != "" {
				t.Errorf("%s: gone (-want +got):\n%s", what, diff)
			}
			gone = nil
		}
		for i, k := range []string{"a", "b", "c", "d"} {
			r.add(k, i, 1)
		}
		check("it is full")
		if v, ok := r.use("a"); v != 0 || !ok {
			t.Errorf("a is %d, %t", v, ok)
		}
		r.add("e", 4, 1)
		check("one more", "b")
		r.add("f", 5, 2)
		check("one that weighs two", "c", "d")
		r.add("g", 6, 9)
		check("one that weighs more than there is room for", "a", "e", "f")
		if _, ok := r.use("f"); ok {
			t.Error("f is there")
		}
		if v, ok := r.use("g"); v != 6 || !ok {
			t.Errorf("g is %d, %t", v, ok)
		}
		r.add("h", 7, 1)
		check("after it", "g")
		pause(keepUnused / 2)
		r.add("i", 8, 1)
		pause(keepUnused / 2)
		r.sweep()
		check("unused", "h")
		r.forget(func(k string) bool { return k == "i" })
		check("of a kind", "i")
		if len(r.entries) != 0 || r.order.Len() != 0 || r.weight != 0 {
			t.Errorf("%d, %d of weight %d are left", len(r.entries), r.order.Len(), r.weight)
		}
	})
}
