package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
)

// stdinName is what the file is called in an artifact made from standard input.
const stdinName = "resources.yaml"

// input is what is packed, and how: the flags that build and push share.
type input struct {
	filename string
	ignore   []string
}

func (i *input) addFlags(flags *pflag.FlagSet) {
	flags.StringVarP(&i.filename, "filename", "f", "", "folder or file to pack; - reads one file from standard input")
	flags.StringVar(&i.filename, "path", "", "the same as --filename")
	flags.StringArrayVar(&i.ignore, "ignore", nil,
		"pattern, as in .gitignore, of files to leave out; may be repeated; replaces the default patterns")
	_ = flags.MarkHidden("path")
}

func (i *input) validate() error {
	if i.filename == "" {
		return usageError{errors.New("nothing to pack: name a folder or a file with -f")}
	}
	return nil
}

func (i *input) fromStdin() bool { return i.filename == "-" }

// tree is an opened input. Whoever opened it closes it.
type tree struct {
	fs.FS
	io.Closer
	isDir bool
}

func (i *input) open(stdin io.Reader) (*tree, error) {
	if i.fromStdin() {
		return readStdin(stdin)
	}
	info, err := os.Stat(i.filename)
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("open %q: %w", i.filename, e.Err)
	}
	if info.IsDir() {
		dir, err := archive.OpenDir(i.filename)
		if err != nil {
			return nil, err
		}
		return &tree{FS: dir, Closer: dir, isDir: true}, nil
	}
	file, err := archive.OpenFile(i.filename)
	if err != nil {
		return nil, err
	}
	return &tree{FS: file, Closer: io.NopCloser(nil)}, nil
}

func readStdin(stdin io.Reader) (*tree, error) {
	limit := archive.DefaultLimits().Compressed
	content, err := io.ReadAll(io.LimitReader(stdin, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read standard input: %w", err)
	case len(content) == 0:
		return nil, errors.New("read standard input: it is empty")
	case int64(len(content)) > limit:
		return nil, fmt.Errorf("read standard input: more than %d bytes", limit)
	}
	return &tree{FS: archive.FromBytes(stdinName, content), Closer: io.NopCloser(nil)}, nil
}

// pack writes the input to w as an archive and tells what ignore rules left out.
func (i *input) pack(ctx context.Context, w io.Writer, t *tree, report *reporter) (archive.Summary, error) {
	summary, err := archive.Pack(ctx, w, t, archive.PackOptions{Ignore: i.ignore})
	if err != nil {
		return summary, fmt.Errorf("pack %q: %w", i.filename, err)
	}
	report.skipped(summary.Skipped)
	return summary, nil
}
