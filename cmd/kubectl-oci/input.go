package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
)

// stdinName is what the file is called in an artifact made from standard input, or from a kustomization.
const stdinName = "resources.yaml"

// input is what is packed, and how: the flags that build and push share.
type input struct {
	filename string
	ignore   []string
	syntax   syntax
	kustomize
}

func (i *input) addFlags(flags *pflag.FlagSet) {
	flags.StringVarP(&i.filename, "filename", "f", "", "folder or file to pack; - reads one file from standard input")
	flags.StringVar(&i.filename, "path", "", "the same as --filename")
	flags.StringArrayVar(&i.ignore, "ignore", nil,
		"pattern, as in .gitignore, of files to leave out; may be repeated; replaces the default patterns")
	_ = flags.MarkHidden("path")
}

func (i *input) validate() error {
	switch {
	case i.folder != "" && i.filename != "":
		return usageError{errors.New("--filename and --kustomize: one of them, please")}
	case i.folder != "" && len(i.ignore) > 0:
		return usageError{errors.New("--ignore leaves out files, and --kustomize packs what is made of them")}
	case i.folder == "" && i.allowRemote:
		return usageError{errors.New("what for --allow-remote? Name a kustomization with --kustomize")}
	case i.folder != "":
		return nil
	case i.filename == "":
		return usageError{errors.New("nothing to pack: name a folder or a file with -f")}
	}
	return nil
}

// name is what was typed.
func (i *input) name() string { return cmp.Or(i.folder, i.filename) }

func (i *input) fromStdin() bool { return i.filename == "-" }

// tree is an opened input. Whoever opened it closes it.
type tree struct {
	io.Closer
	files fs.FS // not embedded: that would hide how it reads folders, through links
	isDir bool
	from  string // where git is asked about it; empty: nowhere
}

func (i *input) open(ctx context.Context, stdin io.Reader, report *reporter) (*tree, error) {
	switch {
	case i.folder != "":
		spool, from, err := i.build(ctx, report)
		if err != nil {
			return nil, err
		}
		return &tree{files: archive.FromSpool(stdinName, spool), Closer: spool, isDir: true, from: from}, nil
	case i.fromStdin():
		return readStdin(ctx, stdin)
	}
	info, err := os.Stat(i.filename)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", i.filename, cause(err))
	}
	if info.IsDir() {
		dir, err := archive.OpenDir(i.filename)
		if err != nil {
			return nil, err
		}
		return &tree{files: dir, Closer: dir, isDir: true, from: i.filename}, nil
	}
	file, err := archive.OpenFile(i.filename)
	if err != nil {
		return nil, err
	}
	return &tree{files: file, Closer: io.NopCloser(nil), from: i.filename}, nil
}

// readStdin does not wait for a silent input when somebody interrupts.
func readStdin(ctx context.Context, stdin io.Reader) (*tree, error) {
	spool, read := archive.NewSpool(spoolMemory), make(chan error, 1)
	go func() { read <- spoolStdin(spool, stdin) }()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-read:
		return &tree{files: archive.FromSpool(stdinName, spool), Closer: spool}, err
	}
}

func spoolStdin(spool *archive.Spool, stdin io.Reader) error {
	limit := archive.DefaultLimits().Compressed
	switch n, err := io.Copy(spool, io.LimitReader(stdin, limit+1)); {
	case err != nil:
		return fmt.Errorf("read standard input: %w", cause(err))
	case n == 0:
		return errors.New("read standard input: it is empty")
	case n > limit:
		return fmt.Errorf("read standard input: more than %d bytes", limit)
	}
	return nil
}

// pack writes the input to w as an archive and tells what ignore rules left out.
func (i *input) pack(ctx context.Context, w io.Writer, t *tree, report *reporter) (archive.Summary, error) {
	files, check := t.files, newSyntaxCheck(ctx)
	if i.syntax.checked && i.folder == "" {
		files = check.of(files)
	}
	summary, err := archive.Pack(ctx, w, files, archive.PackOptions{Ignore: i.ignore})
	broken := i.judge(check, report)
	switch {
	case err != nil:
		return summary, fmt.Errorf("pack %q: %w", i.name(), err)
	case broken != nil:
		return summary, broken
	}
	report.paths("skipped by ignore rules", summary.Skipped)
	return summary, nil
}

// cause is an error without the paths in it, for messages that name the path as the user wrote it.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
