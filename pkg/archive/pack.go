package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// ErrEmpty is the error of Pack when there is no regular file to pack: nobody wants to deploy nothing.
var ErrEmpty = errors.New("no file to pack")

// PackOptions tune Pack. The zero value is what push uses.
type PackOptions struct {
	Ignore []string // gitignore patterns that come last and, like any rule, replace the default list
	Limits Limits
}

// Pack writes the tree of fsys to w as a tar.gz. The bytes depend on names, contents and the owner's execute bits alone:
// entries come in the order of a sorted walk, first ".", without owners and times, as 0644 or 0755. Links are for fsys to
// follow. A name that consumers refuse, a FIFO, device or socket that no rule leaves out, and a file whose size changes
// while it is read are errors; what w has received by then is of no use. With ErrEmpty, Skipped is filled in nevertheless.
func Pack(ctx context.Context, w io.Writer, fsys fs.FS, opts PackOptions) (Summary, error) {
	limits := opts.Limits.orDefault()
	rules, err := readRules(ctx, fsys, opts.Ignore)
	if err != nil {
		return Summary{}, err
	}
	out, err := newWriter(w, limits)
	if err != nil {
		return Summary{}, err
	}
	p := &packer{fsys: fsys, rules: rules, out: out}
	if _, err := p.children(ctx, root); err != nil {
		out.abort()
		return Summary{}, err
	}
	summary, err := out.close()
	summary.Skipped = p.skipped
	if err == nil && summary.Files == 0 {
		return summary, p.empty()
	}
	return summary, err
}

type packer struct {
	fsys    fs.FS
	rules   *rules
	out     *writer
	skipped []string
}

func (p *packer) empty() error {
	if len(p.skipped) == 0 {
		return ErrEmpty
	}
	return fmt.Errorf("%w: ignore rules leave out %q (%d in all)", ErrEmpty, p.skipped[0], len(p.skipped))
}

// children packs what lies in dir and reports whether anything of it was kept.
func (p *packer) children(ctx context.Context, dir string) (kept bool, err error) {
	entries, err := fs.ReadDir(p.fsys, dir)
	if err != nil {
		return false, fmt.Errorf("read folder %q: %w", dir, cause(err))
	}
	for _, d := range entries {
		k, err := p.entry(ctx, path.Join(dir, d.Name()), d)
		if err != nil {
			return false, err
		}
		kept = kept || k
	}
	return kept, nil
}

func (p *packer) entry(ctx context.Context, name string, d fs.DirEntry) (kept bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	drop := p.rules.drop(name, d.IsDir())
	switch {
	case d.IsDir() && drop:
		return p.dropped(ctx, name)
	case d.IsDir():
		if err := p.out.folder(name); err != nil {
			return false, err
		}
		_, err := p.children(ctx, name)
		return true, err
	case drop:
		p.skipped = append(p.skipped, name)
		return false, nil
	default:
		return true, p.file(ctx, name, d)
	}
}

// dropped visits a folder that a rule leaves out, for another rule may bring back what lies in it: to source-controller an
// excluded folder is not final as it is to git.
func (p *packer) dropped(ctx context.Context, name string) (kept bool, err error) {
	mark := len(p.skipped)
	p.skipped = append(p.skipped, name+"/")
	if !p.rules.include {
		return false, nil
	}
	if kept, err = p.children(ctx, name); err != nil {
		return false, err
	}
	if kept {
		p.skipped = append(p.skipped[:mark], p.skipped[mark+1:]...)
	} else {
		p.skipped = p.skipped[:mark+1]
	}
	return kept, nil
}

func (p *packer) file(ctx context.Context, name string, d fs.DirEntry) error {
	if !d.Type().IsRegular() {
		return special(name, d)
	}
	if err := packName(name, p.out.limits); err != nil {
		return err // before a file system calls it invalid
	}
	f, err := p.fsys.Open(name)
	if err != nil {
		return fmt.Errorf("open file %q: %w", name, cause(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read file %q: %w", name, cause(err))
	}
	return p.out.file(name, info.Mode()&0o100 != 0, info.Size(), stoppable(ctx, f))
}

// special explains why something that is neither file nor folder cannot be packed.
func special(name string, d fs.DirEntry) error {
	if d.Type()&fs.ModeSymlink != 0 {
		if _, err := d.Info(); err != nil {
			return err // Dir explains its broken links
		}
		return fmt.Errorf("pack %q: link that cannot be followed", name)
	}
	return fmt.Errorf("pack %q: not a file or folder but %s", name, kindOf(d.Type()))
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "something else"
	}
}

// cause strips the path from an error of the file system where the message around it names the path already.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
