package controlplane

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// component is a set of programs that are built together from one module.
type component struct {
	name     string
	module   string            // folder below Builder.Modules
	dir      string            // its path
	programs map[string]string // file name to package
	flags    string            // for the linker, beside those for all
	tags     string            // of the build
	c        bool              // has parts in C
	source   string            // the module's own file, where programs are not all from other modules
	cost     string            // for people, when nothing is cached
}

func (c component) linkFlags() string { return "-s -w" + c.flags }

// key names what the programs depend on.
func (c component) key(ctx context.Context) (string, error) {
	hash := sha256.New()
	files := []string{"go.mod", "go.sum"}
	if c.source != "" {
		files = append(files, c.source)
	}
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join(c.dir, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%d\n%s", len(content), content)
	}
	version := c.command(ctx, "env", "GOVERSION", "GOOS", "GOARCH")
	out, err := version.Output()
	if err != nil {
		return "", fmt.Errorf("ask go for its version: %w", err)
	}
	hash.Write(out)
	for _, name := range slices.Sorted(maps.Keys(c.programs)) {
		fmt.Fprintln(hash, name, c.programs[name])
	}
	fmt.Fprint(hash, c.linkFlags())
	if c.tags != "" || c.c {
		fmt.Fprintln(hash, "", c.tags, c.c)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// command is the go command in the module's folder, deaf to flags and workspaces of the environment. When ctx ends it and
// the compilers below it are interrupted.
func (c component) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = c.dir
	cgo := "0"
	if c.c {
		cgo = "1"
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo, "GOFLAGS=", "GOWORK=off", "GOOS=", "GOARCH=", "PWD="+c.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// program builds one executable, with a line about it every ten seconds.
func (b *Builder) program(ctx context.Context, c component, file, path string) error {
	cmd := c.command(ctx, "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-tags", c.tags, "-ldflags", c.linkFlags(), "-o", file, path)
	progress := &progress{}
	cmd.Stdout, cmd.Stderr = progress, progress
	stop := b.report(filepath.Base(file), progress)
	defer stop()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build %s: %w, its last lines:\n%s", path, err, progress.tail())
	}
	return nil
}

// report says every ten seconds how far a build is, until the returned function is called.
func (b *Builder) report(name string, p *progress) (stop func()) {
	began, done := time.Now(), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				b.say("%s: %v, %s", name, time.Since(began).Round(time.Second), p)
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
	}
}

// progress counts what `go build -v` prints: a line per module that it downloads and per package that it compiles.
type progress struct {
	mu                  sync.Mutex
	text                bytes.Buffer
	downloads, packages int
}

// Write counts lines; the go command writes whole ones.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range bytes.Lines(b) {
		if bytes.HasPrefix(line, []byte("go: downloading ")) {
			p.downloads++
		} else {
			p.packages++
		}
	}
	return p.text.Write(b)
}

// String says how far the build is.
func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%d modules downloaded, %d packages compiled", p.downloads, p.packages)
}

func (p *progress) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(p.text.String()), "\n")
	return "\t" + strings.Join(lines[max(0, len(lines)-20):], "\n\t")
}
