package archive

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

// Rules come from tenants and are matched against every path: their number and size are bounded, and so is the work.
const (
	maxPatterns    = 10_000
	maxIgnoreBytes = 1 << 20
	maxComparisons = 1 << 35 // bytes of rules times bytes of paths; one or two minutes at the very worst
)

// ignoreFiles are the bodies of .sourceignore files, by folder; the root is "".
type ignoreFiles struct {
	bodies map[string][]byte
	size   int
}

// isIgnoreFile reports whether a regular file holds rules. Those below a .git folder do not count.
func isIgnoreFile(name string) bool {
	return path.Base(name) == sourceignore.IgnoreFile && !strings.Contains("/"+name, "/.git/")
}

// read takes the rules in the file called name.
func (f *ignoreFiles) read(name string, r io.Reader) error {
	body, err := io.ReadAll(newLimitReader(r, int64(maxIgnoreBytes-f.size), "bytes of ignore rules"))
	if err != nil {
		return fmt.Errorf("read %q: %w", name, cause(err))
	}
	if f.bodies == nil {
		f.bodies = map[string][]byte{}
	}
	f.bodies[strings.TrimSuffix(strings.TrimSuffix(name, sourceignore.IgnoreFile), "/")] = body
	f.size += len(body)
	return nil
}

// readRules collects the rules of a tree before anything is packed: one in the last folder can bear on the first file.
func readRules(ctx context.Context, fsys fs.FS, extra []string) (*rules, error) {
	var files ignoreFiles
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("read folder %q: %w", name, cause(err))
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case !d.Type().IsRegular() || !isIgnoreFile(name):
			return nil
		}
		f, err := fsys.Open(name)
		if err != nil {
			return fmt.Errorf("open file %q: %w", name, cause(err))
		}
		defer f.Close()
		return files.read(name, f)
	})
	if err != nil {
		return nil, err
	}
	return newRules(files, []byte(strings.Join(extra, "\n")))
}

// rules decide what is left out, as source-controller does: the last pattern that matches wins; those of a folder come after
// those of its parents, and spec.ignore last. Any pattern replaces the default list, none the version control files.
type rules struct {
	patterns []gitignore.Pattern
	matcher  gitignore.Matcher
	size     int  // bytes of all patterns
	include  bool // a pattern begins with "!"
	filter   prefilter
}

func newRules(files ignoreFiles, extra []byte) (*rules, error) {
	r := &rules{}
	for line := range strings.SplitSeq(sourceignore.ExcludeVCS, ",") {
		r.add(line, nil)
	}
	fixed := len(r.patterns)
	for _, dir := range slices.Sorted(maps.Keys(files.bodies)) {
		if err := r.parse(files.bodies[dir], domain(dir)); err != nil {
			return nil, err
		}
	}
	if err := r.parse(extra, nil); err != nil {
		return nil, err
	}
	if len(r.patterns) == fixed {
		r.addDefaults()
	}
	r.matcher = gitignore.NewMatcher(r.patterns)
	return r, nil
}

func domain(dir string) []string {
	if dir == "" {
		return nil
	}
	return strings.Split(dir, "/")
}

func (r *rules) addDefaults() {
	for _, list := range []string{sourceignore.ExcludeExt, sourceignore.ExcludeCI, sourceignore.ExcludeExtra} {
		for line := range strings.SplitSeq(list, ",") {
			r.add(line, nil)
		}
	}
}

func (r *rules) parse(body []byte, domain []string) error {
	for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		if len(r.patterns) >= maxPatterns {
			return &LimitError{maxPatterns, "ignore rules"}
		}
		r.add(line, domain)
	}
	return nil
}

func (r *rules) add(line string, domain []string) {
	r.include = r.include || strings.HasPrefix(line, "!")
	r.size += len(line)
	r.filter.add(line)
	r.patterns = append(r.patterns, gitignore.ParsePattern(line, domain))
}

// drop reports whether the entry of this name is left out.
func (r *rules) drop(name string, isDir bool) bool {
	return name != root && r.filter.passes(name) && r.matcher.Match(strings.Split(name, "/"), isDir)
}
