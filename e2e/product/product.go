// Package product builds what the project ships, from the tree that this module lies in, and runs the agent as a process.
package product

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Binaries are the paths of the product's programs.
type Binaries struct{ Plugin, Agent string }

// Root is the folder of the product's module: the one around this module's.
func Root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find module: %w", err)
	}
	return filepath.Dir(filepath.Dir(strings.TrimSpace(string(out)))), nil
}

// Build builds both programs into dir, with further flags of go build: as users have them with [ReleaseFlags]. Only the race detector needs C.
func Build(ctx context.Context, dir string, flags ...string) (Binaries, error) {
	root, err := Root(ctx)
	if err != nil {
		return Binaries{}, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return Binaries{}, err
	}
	args := append([]string{"build", "-o", dir + string(filepath.Separator)}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/kubectl-oci", "./cmd/agent")...)
	cmd.Dir = root // its own module decides the versions of its dependencies
	if !slices.Contains(flags, "-race") {
		cmd.Env = append(cmd.Environ(), ReleaseEnv)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return Binaries{}, fmt.Errorf("build the product: %w\n%s", err, out)
	}
	return Binaries{Plugin: filepath.Join(dir, "kubectl-oci"), Agent: filepath.Join(dir, "agent")}, nil
}
