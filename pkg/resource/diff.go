package resource

import (
	"cmp"
	"slices"
)

// Diff is what differs between two sets. Secrets' values are replaced by ***, before by *** (before) and *** (after) where they differ.
type Diff struct {
	Objects []ObjectDiff `json:"objects"`
	Files   []FileDiff   `json:"files"` // of what is no object; sorted
}

// ObjectDiff is the change of one object.
type ObjectDiff struct {
	Change Change  `json:"change"`
	Object ID      `json:"object"`
	Old    *Place  `json:"old,omitempty"` // nil when added
	New    *Place  `json:"new,omitempty"` // nil when removed
	Fields []Field `json:"fields,omitempty"`

	before, after map[string]any // without secrets
}

// Place is where an object was read.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"` // from 1
}

// FileDiff is the change of a file that holds something else than objects. What differs in it is not shown: it may be secret.
type FileDiff struct {
	Change Change `json:"change"`
	File   string `json:"file"`
}

// Same tells whether nothing differs.
func (d *Diff) Same() bool { return len(d.Objects) == 0 && len(d.Files) == 0 }

// Count gives how many objects and files were added, removed and changed.
func (d *Diff) Count() map[Change]int {
	n := map[Change]int{}
	for _, o := range d.Objects {
		n[o.Change]++
	}
	for _, f := range d.Files {
		n[f.Change]++
	}
	return n
}

// Compare says how to get from a to b. Objects are told by their [ID]; of several with the same one, as in the bases and overlays of
// kustomize, those of the same file belong together. A file to which an object was moved is no difference, nor is the form of a file:
// comments, order of keys, how often an alias stands for a value. Others of both sets are taken for changed; whoever compares files first
// leaves equal ones out of both sets.
func Compare(a, b *Set) *Diff {
	d := &Diff{Objects: []ObjectDiff{}, Files: compareFiles(a.Others, b.Others)}
	for _, p := range match(a.Objects, b.Objects) {
		if o, differs := p.diff(); differs {
			d.Objects = append(d.Objects, o)
		}
	}
	return d
}

func compareFiles(a, b []string) []FileDiff {
	changes := map[string]Change{}
	for _, file := range a {
		changes[file] = Removed
	}
	for _, file := range b {
		if _, was := changes[file]; was {
			changes[file] = Changed
		} else {
			changes[file] = Added
		}
	}
	diffs := make([]FileDiff, 0, len(changes))
	for file, change := range changes {
		diffs = append(diffs, FileDiff{change, file})
	}
	slices.SortFunc(diffs, func(x, y FileDiff) int { return cmp.Compare(x.File, y.File) })
	return diffs
}

func (p pair) diff() (ObjectDiff, bool) {
	switch {
	case p.old == nil:
		_, shown := withoutSecrets(p.new.ID, nil, p.new.Content)
		return ObjectDiff{Change: Added, Object: p.new.ID, New: p.new.place(), after: shown}, true
	case p.new == nil:
		shown, _ := withoutSecrets(p.old.ID, p.old.Content, nil)
		return ObjectDiff{Change: Removed, Object: p.old.ID, Old: p.old.place(), before: shown}, true
	}
	before, after := withoutSecrets(p.old.ID, p.old.Content, p.new.Content)
	var changes fields
	changes.maps(fieldPath{}, before, after)
	return ObjectDiff{Changed, p.new.ID, p.old.place(), p.new.place(), changes, before, after}, len(changes) > 0
}

func (o *Object) place() *Place { return &Place{o.File, o.Line} }
