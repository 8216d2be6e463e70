package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// syntax is whether files that cannot be read as YAML or JSON are packed.
type syntax struct {
	checked      bool
	allowInvalid bool
}

func (s *syntax) addFlags(flags *pflag.FlagSet) {
	s.checked = true
	flags.BoolVar(&s.allowInvalid, "allow-invalid", false,
		"pack files, too, that say YAML or JSON in their names and are neither, as the templates of a chart, and say which")
}

// maxChecked is how many bytes of files are checked at a time, and the size above which a file is not.
const maxChecked = 8 << 20

// syntaxCheck looks at files while they are packed, so that each is read once.
type syntaxCheck struct {
	group errgroup.Group
	take  func(bytes int64) error // waits until there is room, or for the end of the context
	free  func(bytes int64)

	mu     sync.Mutex
	broken []*resource.Error
	charts map[string]bool // folders with a chart
}

func newSyntaxCheck(ctx context.Context) *syntaxCheck {
	room := semaphore.NewWeighted(maxChecked)
	c := &syntaxCheck{
		take: func(bytes int64) error { return room.Acquire(ctx, bytes) }, free: room.Release, charts: map[string]bool{},
	}
	c.group.SetLimit(runtime.GOMAXPROCS(0))
	return c
}

// of is files, with a look at what is read.
func (c *syntaxCheck) of(files fs.FS) fs.FS { return checkedFiles{files, c} }

// finish gives the files that are broken, in their order.
func (c *syntaxCheck) finish() []*resource.Error {
	_ = c.group.Wait() // they return none
	slices.SortFunc(c.broken, func(a, b *resource.Error) int { return strings.Compare(a.File, b.File) })
	return c.broken
}

func (c *syntaxCheck) look(name string, text []byte) {
	size := int64(len(text))
	if c.take(size) != nil {
		return // somebody interrupts
	}
	c.group.Go(func() error {
		defer c.free(size)
		if e, ok := errors.AsType[*resource.Error](resource.Check(name, text)); ok && !errors.Is(e, resource.ErrLarge) {
			c.mu.Lock()
			c.broken = append(c.broken, e)
			c.mu.Unlock()
		}
		return nil
	})
}

// isTemplate tells whether a file is one of a chart's templates.
func (c *syntaxCheck) isTemplate(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if path.Base(dir) == "templates" && c.charts[path.Dir(dir)] {
			return true
		}
	}
	return false
}

// checkedFiles is a file system of which every file that should be YAML or JSON is checked once it was read.
type checkedFiles struct {
	files fs.FS
	check *syntaxCheck
}

func (c checkedFiles) Open(name string) (fs.File, error) {
	f, err := c.files.Open(name)
	if err != nil {
		return nil, err
	}
	if path.Base(name) == "Chart.yaml" {
		c.check.charts[path.Dir(name)] = true
	}
	if !resource.IsResource(name) {
		return f, nil
	}
	info, err := f.Stat()
	if err != nil || info.Size() > maxChecked {
		return f, nil //nolint:nilerr // whoever reads it finds out
	}
	return &checkedFile{File: f, name: name, check: c.check, text: make([]byte, 0, info.Size())}, nil
}

// ReadDir is that of the files: it knows about their links.
func (c checkedFiles) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(c.files, name) }

// Stat is that of the files.
func (c checkedFiles) Stat(name string) (fs.FileInfo, error) { return fs.Stat(c.files, name) }

type checkedFile struct {
	fs.File
	name  string
	check *syntaxCheck
	text  []byte
	whole bool
	large bool
}

func (f *checkedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if f.large = f.large || len(f.text)+n > maxChecked; f.large {
		f.text = nil
	} else {
		f.text = append(f.text, p[:n]...)
	}
	f.whole = errors.Is(err, io.EOF)
	return n, err
}

func (f *checkedFile) Close() error {
	if f.whole && !f.large {
		f.check.look(f.name, f.text)
	}
	return f.File.Close()
}

// judge refuses broken files, unless they are allowed: then it says which they are.
func (i *input) judge(c *syntaxCheck, report *reporter) error {
	broken := c.finish()
	if len(broken) == 0 {
		return nil
	}
	if i.syntax.allowInvalid {
		names := make([]string, len(broken))
		for n, e := range broken {
			names[n] = e.File
		}
		report.paths("packed although they cannot be read", names)
		return nil
	}
	for n := range broken {
		broken[n].File = i.named(broken[n].File)
	}
	hint := i.brokenHint(c, broken)
	if len(broken) == 1 {
		return &hintedError{broken[0], hint}
	}
	for _, e := range broken[:min(len(broken), namedSkips)] {
		report.always("%v", e)
	}
	if more := len(broken) - namedSkips; more > 0 {
		report.always("and %s more", count(more, "file"))
	}
	return &hintedError{fmt.Errorf("pack %q: %d files cannot be read", i.filename, len(broken)), hint}
}

func (i *input) brokenHint(c *syntaxCheck, broken []*resource.Error) string {
	name := strings.TrimPrefix(filepath.ToSlash(broken[0].File), filepath.ToSlash(i.filename)+"/")
	switch {
	case i.fromStdin():
		return "is it a template? --allow-invalid packs it as it is"
	case len(broken) > 1:
		return "are they templates? --allow-invalid packs them as they are, and --ignore PATTERN leaves some out"
	case c.isTemplate(name):
		return "it is a template of a chart, which no YAML needs to be: --allow-invalid packs it as it is"
	}
	return fmt.Sprintf("is it a template? --allow-invalid packs it as it is, and --ignore %s leaves it out", path.Base(name))
}

// named is how somebody who typed the input finds a file in it.
func (i *input) named(file string) string {
	switch {
	case i.fromStdin():
		return "standard input"
	case filepath.Base(i.filename) == file && !isFolder(i.filename):
		return i.filename
	}
	return filepath.Join(i.filename, file)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
