package controlplane

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// log is a Builder.Log that may be read while it is written.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), s)
}

// tiny is a builder with a module of two programs that need no network, and its component.
func tiny(t *testing.T) (*Builder, component, *log) {
	t.Helper()
	modules, l := t.TempDir(), &log{}
	write(t, filepath.Join(modules, "tiny", "go.mod"), "module example.com/tiny\n\ngo 1.26\n")
	write(t, filepath.Join(modules, "tiny", "go.sum"), "")
	for _, name := range []string{"one", "two"} {
		write(t, filepath.Join(modules, "tiny", name, "main.go"), "package main\n\nvar word string\n\nfunc main() { println(word) }\n")
	}
	c := component{
		name: "tiny", module: "tiny", flags: " -X main.word=hello",
		programs: map[string]string{"one": "example.com/tiny/one", "two": "example.com/tiny/two"},
	}
	return &Builder{Modules: modules, Cache: filepath.Join(t.TempDir(), "new", "cache"), Log: l}, c, l
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func build(t *testing.T, b *Builder, c component) string {
	t.Helper()
	folder, err := b.component(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// names of what lies in a folder, lock files aside.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			list = append(list, e.Name())
		}
	}
	return list
}

func TestBuild(t *testing.T) {
	t.Parallel()
	b, c, said := tiny(t)
	folder := build(t, b, c)
	for _, name := range []string{"one", "two"} {
		if out, err := exec.Command(filepath.Join(folder, name)).CombinedOutput(); err != nil || string(out) != "hello\n" {
			t.Errorf("%s said %q, %v", name, out, err)
		}
	}
	if again := build(t, b, c); again != folder || said.count("tiny: built in") != 1 {
		t.Errorf("the second build went to %s, the first to %s; %d were done", again, folder, said.count("tiny: built in"))
	}
}

// What programs depend on names their folder.
func TestBuildKey(t *testing.T) {
	t.Parallel()
	b, c, _ := tiny(t)
	folders := map[string]string{build(t, b, c): "the original"}
	for what, change := range map[string]func(){
		"go.mod": func() {
			write(t, filepath.Join(b.Modules, "tiny", "go.mod"), "module example.com/tiny\n\ngo 1.26.0\n")
		},
		"go.sum":   func() { write(t, filepath.Join(b.Modules, "tiny", "go.sum"), "\n") },
		"flags":    func() { c.flags = "" },
		"programs": func() { c.programs = map[string]string{"one": "example.com/tiny/two"} },
	} {
		change()
		folder := build(t, b, c)
		if other, known := folders[folder]; known {
			t.Errorf("a change of %s leads to the folder of %s", what, other)
		}
		folders[folder] = what
	}
}

func TestBuildAtTheSameTime(t *testing.T) {
	t.Parallel()
	b, c, said := tiny(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := b.component(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := said.count("tiny: built in"); n != 1 {
		t.Errorf("built %d times", n)
	}
}

// A failed build shows what the compiler said and leaves no folder; what killed builds left goes away with the next one.
func TestBuildFails(t *testing.T) {
	t.Parallel()
	b, c, _ := tiny(t)
	c.programs["two"] = "example.com/tiny/three"
	_, err := b.component(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "build tiny: go build example.com/tiny/three") || !strings.Contains(err.Error(), "tiny/three") {
		t.Errorf("got %v", err)
	}
	if left := names(t, b.Cache); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	c.programs["two"] = "example.com/tiny/two"
	c.dir = filepath.Join(b.Modules, c.module)
	key, err := c.key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(b.Cache, "tiny-"+key+".unfinished-123", "one"), "half of it")
	folder := build(t, b, c)
	if left := names(t, b.Cache); len(left) != 1 || left[0] != filepath.Base(folder) {
		t.Errorf("the cache holds %v", left)
	}
}

func TestBuildEndsWithContext(t *testing.T) {
	t.Parallel()
	b, c, _ := tiny(t)
	c.dir = filepath.Join(b.Modules, c.module)
	key, err := c.key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := lock(t.Context(), filepath.Join(b.Cache, "tiny-"+key+".lock"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	b.Log = writer(func(text string) {
		if strings.Contains(text, "waiting for another build") {
			cancel()
		}
	})
	if _, err := b.component(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the wait for the lock to end", err)
	}
}

type writer func(string)

func (w writer) Write(b []byte) (int, error) {
	w(string(b))
	return len(b), nil
}

func TestRepositoryRoot(t *testing.T) {
	root, err := repositoryRoot()
	if err != nil || filepath.Base(filepath.Dir(mustGetwd(t))) != "e2e" || root != filepath.Dir(filepath.Dir(mustGetwd(t))) {
		t.Errorf("root %q, %v", root, err)
	}
	t.Chdir(t.TempDir())
	if root, err := repositoryRoot(); err == nil {
		t.Errorf("found %q outside of the repository", root)
	}
}

func mustGetwd(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
