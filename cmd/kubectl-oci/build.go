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
	o.input.addFlags(cmd.Flags())
	o.syntax.addFlags(cmd.Flags())
	o.kustomize.addFlags(cmd.Flags())
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
	info, err := os.Stat(o.to)
	switch {
	case err == nil && info.IsDir():
		return usageError{fmt.Errorf("write %q: it is a folder: name a file with --to", o.to)}
	case leadsNowhere(o.to):
		return fmt.Errorf("write %q: %w", o.to, errNowhere)
	}
	return nil
}

func (o *buildOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	tree, err := o.open(ctx, streams.In, report)
	if err != nil {
		return err
	}
	defer tree.Close()
	spool := archive.NewSpool(spoolMemory) // packed before anything is written: the file may lie in the folder
	defer spool.Close()
	summary, err := o.pack(ctx, spool, tree, report)
	if err != nil {
		return err
	}
	if err := o.write(streams.Out, spool); err != nil {
		return fmt.Errorf("write %q: %w", o.to, cause(err))
	}
	report.line("packed %s, %s", count(summary.Files, "file"), size(summary.Size))
	if o.to == "-" {
		report.line("%s", summary.Digest)
		return nil
	}
	_, err = fmt.Fprintln(streams.Out, summary.Digest)
	return err
}

func (o *buildOptions) write(stdout io.Writer, spool *archive.Spool) error {
	r, err := spool.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if o.to == "-" {
		_, err := io.Copy(stdout, r)
		return err
	}
	return writeFile(o.to, r)
}

// writeFile writes a file whole or not at all: in a hidden folder beside it first. The umask decides who may read it. Links are
// followed. What exists and is no file, as a FIFO or a device, is written to.
func writeFile(path string, r io.Reader) error {
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular():
		return copyTo(path, os.O_WRONLY, r)
	case err == nil:
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	partial, err := os.MkdirTemp(filepath.Dir(path), partialPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(partial)
	whole := filepath.Join(partial, "archive")
	if err := copyTo(whole, os.O_WRONLY|os.O_CREATE, r); err != nil {
		return err
	}
	return os.Rename(whole, path)
}

func copyTo(path string, flag int, r io.Reader) error {
	f, err := os.OpenFile(path, flag, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
