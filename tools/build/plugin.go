package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// PluginPackage is the package of the plugin.
const PluginPackage = "./cmd/kubectl-oci"

// Plugin is the plugin: what was built is sent and signed with it, as by any user. Close must be called.
type Plugin struct {
	origin Origin
	dir    string // to remove; empty: none
	path   string
	log    io.Writer
}

// Plugin takes the one at path or, where that is empty, builds it for this machine. log gets what it says beside its results.
func (o Origin) Plugin(ctx context.Context, path string, log io.Writer) (*Plugin, error) {
	if path != "" {
		return &Plugin{origin: o, path: path, log: log}, nil
	}
	dir, err := os.MkdirTemp("", "kubectl-oci-plugin-")
	if err != nil {
		return nil, err
	}
	here := Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}
	p := &Plugin{origin: o, dir: dir, path: filepath.Join(dir, here.Program("kubectl-oci")), log: log}
	if err := o.Compile(ctx, PluginPackage, here, p.path); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Run runs one command line in the root folder, where relative paths in it begin. Its result goes to out.
func (p *Plugin) Run(ctx context.Context, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Dir = p.origin.Root
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", p.origin.Created.Unix()))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, out, p.log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("kubectl oci %s: %w", args[0], err)
	}
	return nil
}

// Close removes the program where it was built.
func (p *Plugin) Close() error {
	if p.dir == "" {
		return nil
	}
	return os.RemoveAll(p.dir)
}
