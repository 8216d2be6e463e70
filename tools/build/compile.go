package build

import (
	"context"
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

// neutral are the go command's variables that change what comes out. An empty one would leave it to the user's file of them.
var neutral = []string{ //nolint:gochecknoglobals // never changed
	"CGO_ENABLED=0", "GOFLAGS=-trimpath", "GOWORK=off", "GOFIPS140=off", "GOAMD64=v1", "GOARM64=v8.0",
}

// tags leave out the pages that grpc serves about itself, as the Makefile says.
const tags = "grpcnotrace"

// Compile builds a package of the module, as in ./cmd/agent, into the file path.
func (o Origin) Compile(ctx context.Context, pkg string, on Platform, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-tags="+tags,
		"-ldflags=-s -w -X main.version="+o.Version, "-o", path, pkg)
	cmd.Dir = o.Root
	cmd.Env = append(append(os.Environ(), neutral...), "GOOS="+on.OS, "GOARCH="+on.Arch, "PWD="+o.Root)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile %s for %s: %w\n%s", pkg, on, err, out)
	}
	return nil
}
