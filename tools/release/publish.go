package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

// publish pushes the folder with the plugin itself, which prints the reference. The whole release is one artifact: one digest to sign, to
// copy and to verify, that says what belongs together.
func (r *release) publish(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "kubectl-oci-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	here := build.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}
	program := filepath.Join(dir, here.Program("kubectl-oci"))
	if err := r.origin.Compile(ctx, "./"+plugin, here, program); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, r.pushArguments()...)
	cmd.Dir = r.root // where the path of a key begins
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.origin.Created.Unix()))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, out, r.progress
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("publish to %s: %w", r.options.publish, err)
	}
	return nil
}

func (r *release) pushArguments() []string {
	args := []string{"push", r.options.publish + ":" + r.version, "-f", r.to, "--ignore", "", "--source", build.Source}
	if r.origin.Revision != "" {
		args = append(args, "--revision", r.version+"@sha1:"+r.origin.Revision)
	}
	if r.key != "" {
		args = append(args, "--sign", "--key", r.key)
	}
	return args
}
