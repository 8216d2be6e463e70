package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
)

// Verdict says whether the bytes of an archive can be served as they are, or have to be written anew.
type Verdict struct {
	Keep  bool
	Why   string // the first reason to write it anew; empty when Keep
	Files int    // regular files that are served

	limits  Limits
	entries []entry
	dropped []bool // by entry: not served
}

// Judge reads an archive to its end and applies the ignore rules in it, and those of ignore (as spec.ignore has them), to all
// entries: a rule may come after what it governs. Nothing is unpacked. The bytes can be kept when no entry is left out and
// Flux's consumers accept them: gzip of one member, only files and folders, modes under which their owner can read them.
// Symbolic links are left out as Flux leaves them out; a hard link, which Flux would serve as an empty file, is an error
// like all that the package refuses. The caller has verified the bytes; the limits hold all the same.
func Judge(ctx context.Context, r io.Reader, ignore *string, limits Limits) (*Verdict, error) {
	limits = limits.orDefault()
	in, err := newReader(ctx, r, limits)
	if err != nil {
		return nil, err
	}
	v := &Verdict{limits: limits}
	files, err := v.read(in)
	if err != nil {
		return nil, err
	}
	var extra []byte
	if ignore != nil {
		extra = []byte(*ignore)
	}
	rules, err := newRules(files, extra)
	if err != nil {
		return nil, err
	}
	if err := v.apply(ctx, rules); err != nil {
		return nil, err
	}
	v.Why = cmp.Or(in.odd, v.Why)
	v.Keep = v.Why == ""
	return v, nil
}

// read lists the entries and takes the rules among them.
func (v *Verdict) read(in *reader) (files ignoreFiles, err error) {
	for {
		e, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return files, nil
		case err != nil:
			return files, err
		case e.kind == hardlink:
			return files, fmt.Errorf("entry %q: hard link to %q instead of a file", e.name, e.target)
		}
		if e.kind == file && isIgnoreFile(e.name) {
			if err := files.read(e.name, in.tar); err != nil {
				return files, err
			}
		}
		e.target = ""
		v.entries = append(v.entries, e)
	}
}

// checkWork refuses rules and paths that would keep a core busy for long.
func (v *Verdict) checkWork(rules *rules) error {
	paths := 0
	for _, e := range v.entries {
		paths += len(e.name)
	}
	if int64(paths)*int64(rules.size) > maxComparisons {
		return &LimitError{maxComparisons, "comparisons by ignore rules"}
	}
	return nil
}

func (v *Verdict) apply(ctx context.Context, rules *rules) error {
	if err := v.checkWork(rules); err != nil {
		return err
	}
	v.dropped = make([]bool, len(v.entries))
	for i, e := range v.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		ignored := rules.drop(e.name, e.kind == folder)
		if ignored && v.Why == "" {
			v.Why = fmt.Sprintf("ignore rules leave out %q", e.name)
		}
		v.dropped[i] = ignored || e.kind == symlink
		if e.kind == file && !ignored {
			v.Files++
		}
	}
	return nil
}

// Repack reads the judged bytes again and writes what is to be served to w: in their order, otherwise as Pack writes it, with
// the same bytes at every call. Its Summary lists nothing as skipped.
func (v *Verdict) Repack(ctx context.Context, w io.Writer, r io.Reader) (Summary, error) {
	in, err := newReader(ctx, r, v.limits)
	if err != nil {
		return Summary{}, err
	}
	out, err := newWriter(w, v.limits)
	if err != nil {
		return Summary{}, err
	}
	if err := v.copy(out, in); err != nil {
		out.abort()
		return Summary{}, err
	}
	return out.close()
}

var errOther = errors.New("read archive: not the one that was judged")

func (v *Verdict) copy(out *writer, in *reader) error {
	for i, want := range v.entries {
		e, err := in.next()
		e.target = ""
		switch {
		case errors.Is(err, io.EOF) || err == nil && e != want:
			return errOther
		case err != nil:
			return err
		case v.dropped[i] || e.name == root: // the writer has its own root
			continue
		case e.kind == folder:
			err = out.folder(e.name)
		default:
			err = out.file(e.name, e.executable, e.size, in.tar)
		}
		if err != nil {
			return err
		}
	}
	if _, err := in.next(); !errors.Is(err, io.EOF) {
		return errOther
	}
	return nil
}
