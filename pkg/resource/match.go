package resource

import (
	"cmp"
	"slices"
)

// pair is an object before and after; one of them may be nil.
type pair struct{ old, new *Object }

// match finds the objects that belong together, sorted by identity.
func match(a, b []Object) []pair {
	groupsA, groupsB := byID(a), byID(b)
	var all []pair
	for id, olds := range groupsA {
		all = append(all, matchEqual(olds, groupsB[id])...)
		delete(groupsB, id)
	}
	for _, news := range groupsB {
		all = append(all, matchEqual(nil, news)...)
	}
	slices.SortFunc(all, func(x, y pair) int {
		a, b := x.known(), y.known()
		return cmp.Or(compareID(a.ID, b.ID), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return all
}

func byID(objects []Object) map[ID][]*Object {
	groups := map[ID][]*Object{}
	for i := range objects {
		o := &objects[i]
		groups[o.ID] = append(groups[o.ID], o)
	}
	return groups
}

// matchEqual matches objects of one identity: in the order of each file first, then what is left.
func matchEqual(olds, news []*Object) []pair {
	var all []pair
	waiting := map[string][]*Object{}
	for _, n := range news {
		waiting[n.File] = append(waiting[n.File], n)
	}
	var left []*Object
	for _, o := range olds {
		candidates := waiting[o.File]
		if len(candidates) == 0 {
			left = append(left, o)
			continue
		}
		all = append(all, pair{o, candidates[0]})
		waiting[o.File] = candidates[1:]
	}
	for _, n := range news {
		if candidates := waiting[n.File]; len(candidates) == 0 || candidates[0] != n {
			continue
		}
		waiting[n.File] = waiting[n.File][1:]
		if len(left) == 0 {
			all = append(all, pair{nil, n})
			continue
		}
		all = append(all, pair{left[0], n})
		left = left[1:]
	}
	for _, o := range left {
		all = append(all, pair{o, nil})
	}
	return all
}

// known is the object as it is now, or was.
func (p pair) known() *Object {
	if p.new != nil {
		return p.new
	}
	return p.old
}

func compareID(x, y ID) int {
	return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Group, y.Group))
}
