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

// Plugin is the plugin, built for this machine: what was built is sent and signed with it, as by any user. Close removes it.
type Plugin struct {
	origin Origin
	dir    string
	path   string
	log    io.Writer
}

// Plugin builds it; log gets what it says beside its results.
func (o Origin) Plugin(ctx context.Context, log io.Writer) (*Plugin, error) {
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

// Close removes the program.
func (p *Plugin) Close() error { return os.RemoveAll(p.dir) }
