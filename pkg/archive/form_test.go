package archive

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// zstandardOf compresses with zstd.
func zstandardOf(t testing.TB, content []byte, options ...zstd.EOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, options...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What consumers cannot decompress is written anew, into the same bytes whatever it was before.
func TestJudgeRewritesOtherForms(t *testing.T) {
	t.Parallel()
	plain := tarball(t, item{name: "./"}, item{name: "a.yaml", content: text(5000)}, item{name: "x.png"})
	kept := tarball(t, item{name: "a.yaml", content: text(5000)})
	zipped := zip(t, plain)
	v := judge(t, zipped, nil)
	want, _ := repack(t, v, zipped)
	for name, tt := range map[string]struct {
		archive []byte
		why     string
	}{
		"tar":          {plain, "not compressed"},
		"zstd":         {zstandardOf(t, plain), "compressed with zstd"},
		"nothing else": {zstandardOf(t, kept), "compressed with zstd"},
	} {
		v := judge(t, tt.archive, nil)
		if v.Keep || v.Why != tt.why || v.Files != 1 {
			t.Errorf("%s: verdict %+v", name, v)
		}
		if got, _ := repack(t, v, tt.archive); !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes than those of gzip", name)
		}
	}
}

// A frame that demands much memory, or what nobody sent, is refused before anything is allocated for it.
//
//nolint:paralleltest // it measures the memory of the process
func TestZstandardBounds(t *testing.T) {
	noise := []byte(strings.Repeat(text(1000), 20))
	far := zstandardOf(t, tarball(t, item{name: "a", content: strings.Repeat(text(1<<20), 20)}), zstd.WithWindowSize(16<<20))
	dictionary := zstandardOf(t, noise, zstd.WithEncoderDictRaw(7, []byte(text(1000))))
	// RFC 8878, frame header: one segment whose size is given in eight bytes, which is 2 GiB.
	segment := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0}
	for name, tt := range map[string]struct {
		archive []byte
		want    string
	}{
		"window":      {far, "bytes in zstd's window"},
		"one segment": {segment, "bytes in zstd's window"},
		"dictionary":  {dictionary, "dictionary that did not come along"},
	} {
		before := allocated()
		_, err := Judge(t.Context(), bytes.NewReader(tt.archive), nil, Limits{})
		checkError(t, err, tt.want)
		if used := allocated() - before; used > 4<<20 {
			t.Errorf("%s: %d bytes were allocated", name, used)
		}
	}
}

//nolint:paralleltest // it measures the memory of the process
func TestZstandardBomb(t *testing.T) {
	mebibyte := zstandardOf(t, make([]byte, 1<<20))
	head := zstandardOf(t, header(t, "f", 3<<30))
	again := readFunc(func(p []byte) (int, error) { return copy(p, mebibyte[:min(len(p), len(mebibyte))]), nil })
	if len(mebibyte) > 4000 {
		t.Fatalf("a frame of %d bytes may not fit one read", len(mebibyte))
	}
	before := allocated()
	_, err := Judge(t.Context(), io.MultiReader(bytes.NewReader(head), again), nil, Limits{Expanded: 100 << 20})
	if limit, ok := errors.AsType[*LimitError](err); !ok || *limit != (LimitError{100 << 20, expandedBytes}) {
		t.Errorf("got %v", err)
	}
	if used := allocated() - before; used > 30<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
}

// Wherever an archive is cut, nobody takes the part for the whole.
func TestZstandardCut(t *testing.T) {
	t.Parallel()
	archive := zstandardOf(t, tarball(t, item{name: "a", content: text(3000)}))
	for n := range archive {
		if _, err := Judge(t.Context(), bytes.NewReader(archive[:n]), nil, Limits{}); err == nil {
			t.Errorf("the first %d of %d bytes are an archive", n, len(archive))
		}
	}
}

func TestIsText(t *testing.T) {
	t.Parallel()
	plain := tarball(t, item{name: strings.Repeat("n", 100), content: "kind: Deployment"})
	for name, tt := range map[string]struct {
		content []byte
		want    bool
	}{
		"yaml":       {[]byte("kind: Deployment\n"), true},
		"json":       {[]byte(`{}`), true},
		"one letter": {[]byte("a"), true},
		"long":       {[]byte(text(5000)), true},
		"nothing":    {nil, false},
		"tar":        {plain, false},
		"gzip":       {zip(t, plain), false},
		"zstd":       {zstandardOf(t, plain), false},
		"binary":     {[]byte("\x7fELF\x00"), false},
	} {
		got, err := IsText(bytes.NewReader(tt.content))
		if got != tt.want || err != nil {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
	broken := errors.New("disk broken")
	if _, err := IsText(readFunc(func([]byte) (int, error) { return 0, broken })); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
