package archive

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// entry is what an archive says about one name.
type entry struct {
	name       string // clean; "." is the root
	kind       kind
	size       int64
	executable bool
	target     string // of a link: as written when symbolic, else the clean name of an earlier file; a Verdict keeps none
}

type kind uint8

const (
	folder kind = iota
	file
	symlink
	hardlink
	implied // a folder that has had no entry so far, but something below it
)

func (r *reader) check(h *tar.Header) (entry, error) {
	name, err := cleanName(h.Name, r.limits)
	if err != nil {
		return entry{}, err
	}
	// A clone, for the name may be part of a large header that would stay in memory with it.
	e := entry{name: strings.Clone(name), executable: h.Mode&0o100 != 0}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		e.kind, e.size = file, h.Size
	case tar.TypeDir:
		e.kind = folder
	case tar.TypeSymlink:
		e.kind, e.target = symlink, strings.Clone(h.Linkname)
		err = checkTarget(e, r.limits)
	case tar.TypeLink:
		e.kind = hardlink
		e.target, err = r.original(name, h.Linkname)
	default:
		return entry{}, fmt.Errorf("entry %q: not a file or folder but of tar type %q", name, h.Typeflag)
	}
	r.noteMode(e, h.FileInfo().Mode())
	return e, err
}

// noteMode notes what keeps kustomize-controller from reading an entry: it takes the kind from the mode's bits too, and
// creates files with the mode they ask for.
func (r *reader) noteMode(e entry, mode fs.FileMode) {
	switch {
	case e.kind == symlink || e.kind == hardlink:
		r.note("link %q", e.name)
	case e.kind == file && !mode.IsRegular(), e.kind == folder && !mode.IsDir():
		r.note("the mode of %q is that of another kind of file", e.name)
	case e.kind == file && mode&0o400 == 0, e.kind == folder && mode&0o700 != 0o700:
		r.note("the owner of %q may not read it", e.name)
	}
}

func (r *reader) note(format string, args ...any) {
	if r.odd == "" {
		r.odd = fmt.Sprintf(format, args...)
	}
}

// checkTarget accepts a symbolic link only when it cannot lead out of the tree, whatever the other links are: ".." may come
// first, where it walks up real folders, but not after a name, which might itself be a link.
func checkTarget(e entry, limits Limits) error {
	if len(e.target) > limits.Path {
		return fmt.Errorf("link %q: %w", e.name, &LimitError{int64(limits.Path), pathBytes})
	}
	up := 0
	rest := e.target
	for ; rest == ".." || strings.HasPrefix(rest, "../"); up++ {
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, ".."), "/")
	}
	switch {
	case e.target == "" || strings.ContainsAny(e.target, "\\\x00"):
	case path.IsAbs(e.target):
	case up > strings.Count(e.name, "/"):
	case strings.Contains("/"+rest+"/", "/../"):
	default:
		return nil
	}
	return fmt.Errorf("link %q to %q: leads out of the archive", e.name, e.target)
}

// original is the file that a hard link names; it must come before the link.
func (r *reader) original(name, target string) (string, error) {
	clean, err := cleanName(target, r.limits)
	if err != nil {
		return "", fmt.Errorf("hard link %q: %w", name, err)
	}
	if k, ok := r.kinds[clean]; !ok || k != file && k != hardlink {
		return "", fmt.Errorf("hard link %q to %q: no earlier file of this name", name, target)
	}
	return clean, nil
}

// record enters e among the names seen. It fails when the name was seen, when it lies below something that is no folder, and
// when the archive grows too large.
func (r *reader) record(e entry) error {
	if e.size > r.limits.Expanded-r.size { // the sum may not fit an int64
		return fmt.Errorf("entry %q: %w", e.name, &LimitError{r.limits.Expanded, expandedBytes})
	}
	r.size += e.size
	if r.names += len(e.name); r.names > maxNames {
		return &LimitError{maxNames, nameBytes}
	}
	k, seen := r.kinds[e.name]
	switch {
	case seen && k != implied:
		return fmt.Errorf("entry %q: appears twice", e.name)
	case seen && e.kind != folder:
		return fmt.Errorf("entry %q: a folder elsewhere in the archive", e.name)
	case e.name == root && e.kind != folder:
		return fmt.Errorf("entry %q: the root is no folder", e.name)
	}
	r.kinds[e.name] = e.kind
	return r.recordParents(e.name)
}

func (r *reader) recordParents(name string) error {
	for dir := path.Dir(name); dir != root; dir = path.Dir(dir) {
		k, seen := r.kinds[dir]
		if seen && k != folder && k != implied {
			return fmt.Errorf("entry %q: lies below %q, which is no folder", name, dir)
		}
		if seen {
			break
		}
		r.kinds[dir] = implied
	}
	if len(r.kinds) > r.limits.Entries {
		return &LimitError{int64(r.limits.Entries), entryCount}
	}
	return nil
}
