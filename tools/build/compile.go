package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Platform is what a program runs on, in Go's words.
type Platform struct{ OS, Arch string }

// ParsePlatform reads what String writes.
func ParsePlatform(text string) (Platform, error) {
	system, arch, ok := strings.Cut(text, "/")
	if !ok || system == "" || arch == "" || strings.Contains(arch, "/") {
		return Platform{}, fmt.Errorf("platform %q is not as in linux/amd64", text)
	}
	return Platform{OS: system, Arch: arch}, nil
}

func (p Platform) String() string { return p.OS + "/" + p.Arch }

// Program adds what programs end in there.
func (p Platform) Program(name string) string {
	if p.OS == "windows" {
		return name + ".exe"
	}
	return name
}

// tags leave out the pages that grpc serves about itself, as the Makefile says.
const tags = "grpcnotrace"

// neutral are the go command's variables that change what comes out. The user's file of them is not read: an empty one would leave it to that.
var neutral = []string{ //nolint:gochecknoglobals // never changed
	"GOENV=off", "CGO_ENABLED=0", "GOFLAGS=-trimpath -tags=" + tags, "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off", "GOAMD64=v1", "GOARM64=v8.0",
}

// Variables that say where things are, and with which release of Go: these stay the user's, in whatever way they were set.
var users = []string{ //nolint:gochecknoglobals // never changed
	"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE", "GOVCS", "GOAUTH", "GOCACHE", "GOCACHEPROG", "GOMODCACHE", "GOTMPDIR",
	"GOTOOLCHAIN",
}

// Compile builds a package of the module, as in ./cmd/agent, into the file path.
func (o Origin) Compile(ctx context.Context, pkg string, on Platform, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	_, err = o.output(ctx, on, "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.version="+o.Version, "-o", path, pkg)
	return err
}

// output runs the go command in the root folder, for a platform, and gives what it prints.
func (o Origin) output(ctx context.Context, on Platform, args ...string) ([]byte, error) {
	env, err := o.environment(ctx)
	if err != nil {
		return nil, err
	}
	return o.run(ctx, append(env, "GOOS="+on.OS, "GOARCH="+on.Arch), args...)
}

func (o Origin) environment(ctx context.Context) ([]string, error) {
	out, err := o.run(ctx, os.Environ(), append([]string{"env"}, users...)...)
	if err != nil {
		return nil, err
	}
	values := strings.Split(string(out), "\n")
	env := append(os.Environ(), neutral...)
	for i, name := range users {
		env = append(env, name+"="+values[i])
	}
	return env, nil
}

func (o Origin) run(ctx context.Context, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = o.Root
	cmd.Env = append(env, "PWD="+o.Root)
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w\n%s", err, failed.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}
