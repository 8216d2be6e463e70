package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
)

type buildOptions struct {
	input
	to string
}

func newBuildCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &buildOptions{}
	cmd := &cobra.Command{
		Use:   "build -f PATH --to FILE",
		Short: "Pack a folder into the archive that push would send",
		Long: `Pack a folder, a file or standard input into a tar.gz: the same bytes that push sends as the artifact's layer. The same
tree gives the same bytes, whatever the machine, the user, the time or the umask.

Prints the archive's digest.`,
		Example: `  # What would be pushed
  kubectl oci build -f ./deploy --to deploy.tar.gz

  # List it
  kubectl oci build -f ./deploy --to - | tar -tz`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.to, "to", "", "file to write; - is standard output")
	return cmd
}

func (o *buildOptions) validate() error {
	if err := o.input.validate(); err != nil {
		return err
	}
	if o.to == "" {
		return usageError{errors.New("nowhere to write to: name a file with --to")}
	}
	if info, err := os.Stat(o.to); err == nil && info.IsDir() {
		return usageError{fmt.Errorf("write %q: it is a folder: name a file with --to", o.to)}
	}
	return nil
}

func (o *buildOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	tree, err := o.open(ctx, streams.In)
	if err != nil {
		return err
	}
	defer tree.Close()
	report := newReporter(streams.ErrOut)
	var summary archive.Summary
	pack := func(w io.Writer) error {
		summary, err = o.pack(ctx, w, tree, report)
		return err
	}
	if o.to == "-" {
		err = pack(streams.Out)
	} else {
		err = writeFile(o.to, pack)
	}
	if err != nil {
		return err
	}
	report.line("packed %s, %s", count(summary.Files, "file"), size(summary.Size))
	if o.to == "-" {
		report.line("%s", summary.Digest)
		return nil
	}
	_, err = fmt.Fprintln(streams.Out, summary.Digest)
	return err
}

// writeFile writes path whole or not at all: in a hidden folder beside it first. The umask decides who may read it.
func writeFile(path string, write func(io.Writer) error) error {
	partial, err := os.MkdirTemp(filepath.Dir(path), partialPattern)
	if err != nil {
		return fmt.Errorf("write %q: %w", path, cause(err))
	}
	defer os.RemoveAll(partial)
	whole := filepath.Join(partial, "archive")
	f, err := os.Create(whole)
	if err != nil {
		return fmt.Errorf("write %q: %w", path, cause(err))
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(whole, path); err != nil {
		return fmt.Errorf("write %q: %w", path, cause(err))
	}
	return nil
}
