package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// entry is what an archive says about one name.
type entry struct {
	name       string // clean; "." is the root
	kind       kind
	size       int64
	executable bool
	target     string // of a link: as written when symbolic, else the clean name of an earlier file
}

type kind uint8

const (
	folder kind = iota
	file
	symlink
	hardlink
	implied // a folder that has had no entry so far, but something below it
)

// reader walks an archive that nobody vouches for and refuses what no archive of ours may hold. It reads up to the very end
// of its input.
type reader struct {
	tar    *tar.Reader
	gzip   *gunzip
	stream io.Reader // the tar's bytes
	limits Limits
	kinds  map[string]kind // everything seen, and the folders on the way to it
	size   int64           // of all files
	odd    string          // the first thing that is allowed here but not in every consumer
}

func newReader(ctx context.Context, r io.Reader, limits Limits) (*reader, error) {
	in := newLimitReader(stoppable(ctx, r), limits.Compressed, compressedBytes)
	zip, err := newGunzip(in)
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	stream := newLimitReader(zip, limits.Expanded, expandedBytes)
	return &reader{
		tar: tar.NewReader(stream), gzip: zip, stream: stream,
		limits: limits, kinds: map[string]kind{},
	}, nil
}

// next returns the next entry; its contents are read from r.tar. After the last, and when nothing but zeros follows it, the
// error is io.EOF.
func (r *reader) next() (entry, error) {
	h, err := r.tar.Next()
	for ; err == nil && h.Typeflag == tar.TypeXGlobalHeader; h, err = r.tar.Next() {
		r.note("a global header")
	}
	switch {
	case err == io.EOF:
		return entry{}, r.end()
	case err != nil:
		return entry{}, fmt.Errorf("read archive: %w", truncated(err))
	}
	e, err := r.check(h)
	if err == nil {
		err = r.record(e)
	}
	return e, err
}

func (r *reader) check(h *tar.Header) (entry, error) {
	name, err := cleanName(h.Name, r.limits)
	if err != nil {
		return entry{}, err
	}
	// A clone, for the name may be part of a large header that would stay in memory with it.
	e := entry{name: strings.Clone(name), executable: h.Mode&0o100 != 0}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		e.kind, e.size = file, h.Size
	case tar.TypeDir:
		e.kind = folder
	case tar.TypeSymlink:
		e.kind, e.target = symlink, strings.Clone(h.Linkname)
		err = checkTarget(e, r.limits)
	case tar.TypeLink:
		e.kind = hardlink
		e.target, err = r.original(name, h.Linkname)
	default:
		return entry{}, fmt.Errorf("entry %q: not a file or folder but of tar type %q", name, h.Typeflag)
	}
	r.noteMode(e, h.FileInfo().Mode())
	return e, err
}

// noteMode notes what keeps kustomize-controller from reading an entry: it takes the kind from the mode's bits too, and
// creates files with the mode they ask for.
func (r *reader) noteMode(e entry, mode fs.FileMode) {
	switch {
	case e.kind == symlink || e.kind == hardlink:
		r.note("link %q", e.name)
	case e.kind == file && !mode.IsRegular(), e.kind == folder && !mode.IsDir():
		r.note("the mode of %q is that of another kind of file", e.name)
	case e.kind == file && mode&0o400 == 0, e.kind == folder && mode&0o700 != 0o700:
		r.note("the owner of %q may not read it", e.name)
	}
}

func (r *reader) note(format string, args ...any) {
	if r.odd == "" {
		r.odd = fmt.Sprintf(format, args...)
	}
}

// checkTarget accepts a symbolic link only when it cannot lead out of the tree, whatever the other links are: ".." may come
// first, where it walks up real folders, but not after a name, which might itself be a link.
func checkTarget(e entry, limits Limits) error {
	if len(e.target) > limits.Path {
		return fmt.Errorf("link %q: %w", e.name, &LimitError{int64(limits.Path), pathBytes})
	}
	up := 0
	rest := e.target
	for ; rest == ".." || strings.HasPrefix(rest, "../"); up++ {
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, ".."), "/")
	}
	switch {
	case e.target == "" || strings.ContainsAny(e.target, "\\\x00"):
	case path.IsAbs(e.target):
	case up > strings.Count(e.name, "/"):
	case strings.Contains("/"+rest+"/", "/../"):
	default:
		return nil
	}
	return fmt.Errorf("link %q to %q: leads out of the archive", e.name, e.target)
}

// original is the file that a hard link names; it must come before the link.
func (r *reader) original(name, target string) (string, error) {
	clean, err := cleanName(target, r.limits)
	if err != nil {
		return "", fmt.Errorf("hard link %q: %w", name, err)
	}
	if k, ok := r.kinds[clean]; !ok || k != file && k != hardlink {
		return "", fmt.Errorf("hard link %q to %q: no earlier file of this name", name, target)
	}
	return clean, nil
}

// record enters e among the names seen. It fails when the name was seen, when it lies below something that is no folder, and
// when the archive grows too large.
func (r *reader) record(e entry) error {
	if r.size += e.size; r.size > r.limits.Expanded {
		return fmt.Errorf("entry %q: %w", e.name, &LimitError{r.limits.Expanded, expandedBytes})
	}
	k, seen := r.kinds[e.name]
	switch {
	case seen && k != implied:
		return fmt.Errorf("entry %q: appears twice", e.name)
	case seen && e.kind != folder:
		return fmt.Errorf("entry %q: a folder elsewhere in the archive", e.name)
	case e.name == root && e.kind != folder:
		return fmt.Errorf("entry %q: the root is no folder", e.name)
	}
	r.kinds[e.name] = e.kind
	return r.recordParents(e.name)
}

func (r *reader) recordParents(name string) error {
	for dir := path.Dir(name); dir != root; dir = path.Dir(dir) {
		k, seen := r.kinds[dir]
		if seen && k != folder && k != implied {
			return fmt.Errorf("entry %q: lies below %q, which is no folder", name, dir)
		}
		if seen {
			break
		}
		r.kinds[dir] = implied
	}
	if len(r.kinds) > r.limits.Entries {
		return &LimitError{int64(r.limits.Entries), entryCount}
	}
	return nil
}

// end reads what follows the last entry.
func (r *reader) end() error {
	buffer, zeros := make([]byte, 32<<10), make([]byte, 32<<10)
	for {
		n, err := r.stream.Read(buffer)
		if !bytes.Equal(buffer[:n], zeros[:n]) {
			return errors.New("read archive: data after its end")
		}
		if err == io.EOF {
			if r.gzip.members > 1 {
				r.note("more than one gzip member")
			}
			return io.EOF
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", truncated(err))
		}
	}
}

func truncated(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("ends too early")
	}
	return err
}

// gunzip decompresses gzip members one after the other, and counts them.
type gunzip struct {
	in      *bufio.Reader
	member  *gzip.Reader
	members int
	err     error // of the search for a next member
}

func newGunzip(r io.Reader) (*gunzip, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	member, err := gzip.NewReader(in)
	switch {
	case err == io.EOF:
		return nil, errors.New("no data")
	case errors.Is(err, gzip.ErrHeader):
		return nil, errors.New("not compressed with gzip")
	case err != nil:
		return nil, truncated(err)
	}
	member.Multistream(false)
	return &gunzip{in: in, member: member, members: 1}, nil
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.member.Read(p)
	if err == io.EOF {
		g.err = g.nextMember()
		err = g.err
	}
	return n, err
}

// nextMember fails with io.EOF where the input ends.
func (g *gunzip) nextMember() error {
	if _, err := g.in.Peek(1); err != nil {
		return err
	}
	err := g.member.Reset(g.in)
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("data that is not gzip after the compressed data")
	}
	g.member.Multistream(false)
	g.members++
	return err
}
