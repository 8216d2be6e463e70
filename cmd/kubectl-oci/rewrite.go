package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/kubectl-oci/kubectl-oci/pkg/edit"
	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// rewriting is a number of files that a command reads, changes and writes back. Whoever opened it closes it.
type rewriting struct {
	files []*rewritten
	roots []*os.Root
	seen  map[string]bool // files, by their real paths

	unread []string // files that were left alone, because they are no YAML
}

// rewritten is one of the files. Its text changes through edits alone.
type rewritten struct {
	root   *os.Root
	name   string // in root
	shown  string // as a person wrote its folder
	mode   fs.FileMode
	before []byte
	edits  *edit.File
}

// openRewriting reads the files at and below the paths that hold one of the words. Hidden folders are left out, and so is, with a word
// to the person, what cannot be read as YAML, unless it was named itself.
func openRewriting(paths, words []string, report *reporter) (*rewriting, error) {
	r := &rewriting{seen: map[string]bool{}}
	for _, p := range paths {
		if err := r.add(p, words, report); err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// Close gives up what is not written.
func (r *rewriting) Close() {
	for _, root := range r.roots {
		_ = root.Close()
	}
}

func (r *rewriting) add(shown string, words []string, report *reporter) error {
	real, err := filepath.EvalSymlinks(shown)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return fmt.Errorf("open %q: %w", shown, cause(err))
	}
	info, err := os.Stat(real)
	if err != nil {
		return fmt.Errorf("open %q: %w", shown, cause(err))
	}
	dir, name := real, "."
	if !info.IsDir() {
		dir, name = filepath.Split(real)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open %q: %w", shown, cause(err))
	}
	r.roots = append(r.roots, root)
	if name != "." {
		return r.read(root, name, shown, words)
	}
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("open %q: %w", path.Join(filepath.ToSlash(shown), name), cause(err))
		}
		return r.visit(root, name, path.Join(filepath.ToSlash(shown), name), d, words, report)
	})
}

// visit reads what lies in a folder. No link is followed: what it leads to is read in its own place, or not at all.
func (r *rewriting) visit(root *os.Root, name, shown string, d fs.DirEntry, words []string, report *reporter) error {
	switch {
	case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
		return fs.SkipDir
	case d.IsDir():
		return nil
	case d.Type()&fs.ModeSymlink != 0:
		if _, err := root.Stat(name); err != nil {
			report.line("left alone: %s: it is a link that leads out of the folder, or nowhere", shown)
		}
		return nil
	case !d.Type().IsRegular() || !resource.IsResource(name):
		return nil
	}
	err := r.read(root, name, shown, words)
	if e, ok := errors.AsType[*resource.Error](err); ok {
		report.line("left alone: %v", e)
		r.unread = append(r.unread, shown)
		return nil
	}
	return err
}

// complete refuses to call a folder checked of which a file could not be read.
func (r *rewriting) complete() error {
	if len(r.unread) == 0 {
		return nil
	}
	return &hintedError{
		fmt.Errorf("check %q: it cannot be read, and may hold what changes", r.unread[0]),
		"mend it, or name the files and folders that are to be checked, without it",
	}
}

// read takes a file up where it holds one of the words.
func (r *rewriting) read(root *os.Root, name, shown string, words []string) error {
	real := filepath.Join(root.Name(), name)
	if r.seen[real] {
		return nil
	}
	r.seen[real] = true
	f, err := root.Open(name)
	if err != nil {
		return fmt.Errorf("open %q: %w", shown, cause(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		return fmt.Errorf("read %q: %w", shown, cause(err))
	}
	text, err := io.ReadAll(io.LimitReader(f, edit.MaxFile+1))
	if err != nil {
		return fmt.Errorf("read %q: %w", shown, cause(err))
	}
	if !containsAny(text, words) {
		return nil
	}
	edits, err := edit.Parse(text)
	if err != nil {
		return &resource.Error{File: shown, Err: err}
	}
	r.files = append(r.files, &rewritten{root, name, shown, info.Mode(), text, edits})
	return nil
}

func containsAny(text []byte, words []string) bool {
	for _, word := range words {
		if bytes.Contains(text, []byte(word)) {
			return true
		}
	}
	return false
}

// change is a file before and after.
type textChange struct {
	*rewritten
	after []byte
}

// changes are the files that would change, in their order.
func (r *rewriting) changes() ([]textChange, error) {
	var all []textChange
	for _, f := range r.files {
		if !f.edits.Changed() {
			continue
		}
		after, err := f.edits.Bytes()
		if err != nil {
			return nil, &resource.Error{File: f.shown, Err: err}
		}
		if !bytes.Equal(f.before, after) {
			all = append(all, textChange{f, after})
		}
	}
	return all, nil
}

// unified is what patch -p0 takes.
func (c textChange) unified() string {
	_, text, _ := bytes.Cut(diff.Diff(c.shown, c.before, c.shown, c.after), []byte("\n")) // the command line of a diff that nobody ran
	return string(text)
}

// writeChanges puts each file in its place in one step, once none of them has changed since it was read.
func writeChanges(changes []textChange) error {
	for _, c := range changes {
		now, err := c.root.ReadFile(c.name)
		if err != nil {
			return fmt.Errorf("write %q: %w", c.shown, cause(err))
		}
		if !bytes.Equal(now, c.before) {
			return fmt.Errorf("write %q: somebody changed it meanwhile", c.shown)
		}
	}
	for _, c := range changes {
		if err := c.write(); err != nil {
			return fmt.Errorf("write %q: %w", c.shown, cause(err))
		}
	}
	return nil
}

func (c textChange) write() (err error) {
	partial := path.Join(path.Dir(filepath.ToSlash(c.name)), strings.Replace(partialPattern, "*", rand.Text(), 1))
	f, err := c.root.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = c.root.Remove(partial)
		}
	}()
	_, err = f.Write(c.after)
	if err := errors.Join(err, f.Chmod(c.mode.Perm()), f.Sync(), f.Close()); err != nil {
		return err
	}
	return c.root.Rename(partial, c.name)
}
