package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

// publish pushes the folder with the plugin itself, which prints the reference. The whole release is one artifact: one digest to sign, to
// copy and to verify, that says what belongs together.
func (r *release) publish(ctx context.Context, out io.Writer) error {
	plugin, err := r.origin.Plugin(ctx, r.with, r.progress)
	if err != nil {
		return err
	}
	defer plugin.Close()
	var reference bytes.Buffer
	if err := plugin.Run(ctx, &reference, r.pushArguments()...); err != nil {
		return fmt.Errorf("publish to %q: %w", r.repository, err)
	}
	if r.key != "" {
		if err := plugin.CheckSignature(ctx, strings.TrimSpace(reference.String())); err != nil {
			return err
		}
	}
	_, err = reference.WriteTo(out)
	return err
}

// pushArguments leaves nothing out: by itself push skips archives.
func (r *release) pushArguments() []string {
	args := []string{"push", r.repository + ":" + r.version, "-f", r.to, "--ignore", "!*", "--source", build.Source}
	if r.origin.Revision != "" {
		args = append(args, "--revision", r.version+"@sha1:"+r.origin.Revision)
	}
	if r.key != "" {
		args = append(args, "--sign", "--key", r.key)
	}
	return args
}
