package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// bomb is 3 GiB of archive that is never held: a head, then the same few compressed bytes over and over.
func bomb(t *testing.T, head []byte) io.Reader {
	t.Helper()
	zeros := bytes.NewReader(zip(t, make([]byte, 1<<20)))
	left := 3 << 10
	again := readFunc(func(p []byte) (int, error) {
		if zeros.Len() == 0 {
			if left--; left == 0 {
				return 0, io.EOF
			}
			zeros.Seek(0, io.SeekStart)
		}
		return zeros.Read(p)
	})
	return io.MultiReader(bytes.NewReader(head), again)
}

// manyFiles is an endless archive of files of 1 MiB.
func manyFiles(t *testing.T) io.Reader {
	t.Helper()
	var rest bytes.Buffer
	content := zip(t, make([]byte, 1<<20))
	w := gzip.NewWriter(&rest)
	n := 0
	return readFunc(func(p []byte) (int, error) {
		if rest.Len() == 0 {
			n++
			w.Reset(&rest)
			w.Write(header(t, fmt.Sprintf("f%d", n), 1<<20))
			w.Close()
			rest.Write(content)
		}
		return rest.Read(p)
	})
}

// header is the first block of a file.
func header(t *testing.T, name string, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sparse is an archive of 1.5 KiB with a file of that size, all of it a hole.
func sparse(t *testing.T, size int64) []byte {
	t.Helper()
	var records string
	for _, r := range []string{"major=1", "minor=0", "name=f", fmt.Sprintf("realsize=%d", size)} {
		r = " GNU.sparse." + r + "\n"
		records += fmt.Sprintf("%d%s", len(r)+2, r)
	}
	holes := fmt.Sprintf("1\n%d\n0\n", size)
	pax := header(t, "pax", int64(len(records)))
	copy(pax[148:], "        x") // the type, and blanks to make the checksum of
	sum := 0
	for _, b := range pax {
		sum += int(b)
	}
	copy(pax[148:], fmt.Sprintf("%06o\x00", sum))
	pad := func(s string) []byte { return append([]byte(s), make([]byte, 512-len(s))...) }
	return slices.Concat(pax, pad(records), header(t, "f", 512), pad(holes), make([]byte, 1024))
}

func TestSparseFiles(t *testing.T) {
	t.Parallel()
	archive := zip(t, sparse(t, 1<<20))
	v := judge(t, archive, nil)
	if got, _ := repack(t, v, archive); len(got) < 1000 {
		t.Errorf("repacked into %d bytes", len(got))
	}
	one := append(header(t, "one", 1), make([]byte, 512)...)
	for _, size := range []int64{1 << 40, math.MaxInt64} {
		_, err := Judge(t.Context(), bytes.NewReader(zip(t, append(one, sparse(t, size)...))), nil, Limits{})
		checkError(t, err, "expanded bytes")
	}
}

//nolint:paralleltest // it measures the memory of the process
func TestBombStopsAtTheLimit(t *testing.T) {
	for name, tt := range map[string]struct {
		archive io.Reader
		limits  Limits
		want    LimitError
	}{
		"one file":         {bomb(t, zip(t, header(t, "f", 3<<30))), Limits{}, LimitError{2 << 30, expandedBytes}},
		"padding":          {bomb(t, zip(t, tarball(t, item{name: "f"}))), Limits{Expanded: 100 << 20}, LimitError{100 << 20, expandedBytes}},
		"skipped contents": {bomb(t, zip(t, header(t, "f", 100<<20-1000))), Limits{Expanded: 100 << 20}, LimitError{100 << 20, expandedBytes}},
		"many files":       {manyFiles(t), Limits{Expanded: 32 << 20}, LimitError{32 << 20, expandedBytes}},
		"rules":            {bomb(t, zip(t, header(t, ".sourceignore", 1<<30))), Limits{}, LimitError{maxIgnoreBytes, "bytes of ignore rules"}},
		"compressed":       {manyFiles(t), Limits{Compressed: 50_000}, LimitError{50_000, compressedBytes}},
	} {
		t.Run(name, func(t *testing.T) {
			before := allocated()
			_, err := Judge(t.Context(), tt.archive, nil, tt.limits)
			if limit, ok := errors.AsType[*LimitError](err); !ok || *limit != tt.want {
				t.Errorf("got %v, want %v", err, &tt.want)
			}
			if used := allocated() - before; used > 20<<20 {
				t.Errorf("%d bytes were allocated", used)
			}
		})
	}
}

// A name that comes out of a header of a megabyte must not keep the header in memory.
//
//nolint:paralleltest // it measures the memory of the process
func TestJudgeForgetsHeaders(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range 20 {
		name := fmt.Sprintf("%s%d", strings.Repeat("x", 150), i)
		records := map[string]string{"comment": strings.Repeat("c", 1<<20-1000)}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, PAXRecords: records}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	archive := zip(t, b.Bytes())
	b = bytes.Buffer{}
	before := live()
	v := judge(t, archive, nil)
	if held := int64(live()) - int64(before); held > 5<<20 {
		t.Errorf("%d bytes are held", held)
	}
	runtime.KeepAlive(v)
}

// Small archives with the longest names: what is held while they are read is bounded by the names, and targets are not held.
//
//nolint:paralleltest // it measures the memory of the process
func TestJudgeBoundsNames(t *testing.T) {
	links := func(n, length int) []byte {
		var items []item
		for i := range n {
			name := fmt.Sprintf("%0*d", length, i)
			items = append(items, item{name: name, kind: tar.TypeSymlink, target: strings.Repeat("t", 1000)})
		}
		return zip(t, tarball(t, items...))
	}
	_, err := Judge(t.Context(), bytes.NewReader(links(18_000, 1000)), nil, Limits{})
	if limit, ok := errors.AsType[*LimitError](err); !ok || *limit != (LimitError{maxNames, nameBytes}) {
		t.Errorf("got %v", err)
	}
	archive := links(18_000, 10)
	before := live()
	v := judge(t, archive, nil)
	if held := int64(live()) - int64(before); held > 5<<20 {
		t.Errorf("%d bytes are held", held)
	}
	repack(t, v, archive)
}

func TestPackBoundsNames(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 18_000 {
		files[fmt.Sprintf("%0200d/%0200d/%0200d/%0200d/%0200d", 1, 2, 3, 4, i)] = ""
	}
	_, err := Pack(t.Context(), io.Discard, tree(files), PackOptions{})
	checkError(t, err, nameBytes)
}

// live is the number of bytes in use.
func live() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

//nolint:paralleltest // it measures the memory of the process
func TestJudgeBoundsTheWork(t *testing.T) {
	var items []item
	for i := range 2000 {
		items = append(items, item{name: fmt.Sprintf("%s%d", strings.Repeat("a", 900), i)})
	}
	archive := zip(t, tarball(t, items...))
	ignore := strings.Repeat("x", 1<<15)
	_, err := Judge(t.Context(), bytes.NewReader(archive), &ignore, Limits{})
	checkError(t, err, "comparisons by ignore rules")
}

//nolint:paralleltest // it measures the memory of the process
func TestExtractBomb(t *testing.T) {
	dir := t.TempDir()
	before := allocated()
	err := Extract(t.Context(), manyFiles(t), dir, Limits{Expanded: 8 << 20})
	if limit, ok := errors.AsType[*LimitError](err); !ok || limit.Unit != expandedBytes {
		t.Errorf("got %v", err)
	}
	if used := allocated() - before; used > 20<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
}

// allocated is the number of bytes allocated since the program began, whether freed or not.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// A failed write or a cancelled context must not leave the compressor's goroutines behind: synctest fails when one is blocked
// for good.
func TestPackLeavesNoGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// Enough blocks that a failed write is noticed long before the end.
		fsys := tree(map[string]string{"f": strings.Repeat("0", (maxBlocks+4)*gzipBlock)})
		for _, space := range []int{0, 10, 3000} {
			_, err := Pack(t.Context(), &fullWriter{space, io.ErrShortWrite}, fsys, PackOptions{})
			checkError(t, err, "short write")
		}
		ctx, cancel := context.WithCancel(t.Context())
		w := writeFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
		_, err := Pack(ctx, w, fsys, PackOptions{})
		checkError(t, err, "canceled")
	})
}
