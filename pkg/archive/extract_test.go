package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// item is one entry of an archive made for a test.
type item struct {
	name, content string
	kind          byte // of tar; 0: a file, or a folder when the name ends in "/"
	target        string
	mode          int64 // 0: 0644, 0755 for folders
}

func tarball(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		h := &tar.Header{Name: i.name, Typeflag: i.kind, Linkname: i.target, Mode: i.mode, Size: int64(len(i.content))}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
			if strings.HasSuffix(i.name, "/") {
				h.Typeflag = tar.TypeDir
			}
		}
		if h.Mode == 0 {
			h.Mode = 0o644
			if h.Typeflag == tar.TypeDir {
				h.Mode = 0o755
			}
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			h = &tar.Header{Typeflag: h.Typeflag, Name: i.name, PAXRecords: map[string]string{"comment": "c"}}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatalf("%+v: %v", i, err)
		}
		if _, err := io.WriteString(w, i.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zip(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpacked lists what lies below dir: "mode name = contents", "name -> target" for links.
func unpacked(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		line := fmt.Sprintf("%o %s", info.Mode().Perm(), name)
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			all = append(all, name+" -> "+target)
			return err
		case d.Type().IsRegular():
			content, err := os.ReadFile(path)
			all = append(all, fmt.Sprintf("%s = %.20s", line, content))
			return err
		default:
			all = append(all, line)
			return nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestExtract(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		items []item
		want  []string
	}{
		"as GNU tar writes": {
			[]item{{name: "./"}, {name: "./a/"}, {name: "./a/b.yaml", content: "b"}},
			[]string{"755 a", "644 a/b.yaml = b"},
		},
		"folders only implied, file before its folder": {
			[]item{{name: "a/b/c", content: "c"}, {name: "a/b/"}, {name: "x//y", content: "y"}, {name: "a/"}},
			[]string{"755 a", "755 a/b", "644 a/b/c = c", "755 x", "644 x/y = y"},
		},
		"modes and owners": {
			[]item{{name: "run", mode: 0o4711}, {name: "no", mode: 0o4077}, {name: "d/", mode: 0o000}, {name: "d/x"}},
			[]string{"755 d", "644 d/x = ", "644 no = ", "755 run = "},
		},
		"links in the tree": {
			[]item{
				{name: "a/f", content: "f"}, {name: "a/l", kind: tar.TypeSymlink, target: "f"},
				{name: "b/l", kind: tar.TypeSymlink, target: "../a"}, {name: "b/up", kind: tar.TypeSymlink, target: ".."},
				{name: "h", kind: tar.TypeLink, target: "a/f"}, {name: "h2", kind: tar.TypeLink, target: "./h"},
				{name: "gone", kind: tar.TypeSymlink, target: "nowhere/x"},
			},
			[]string{
				"755 a", "644 a/f = f", "a/l -> f", "755 b", "b/l -> ../a", "b/up -> ..", "gone -> nowhere/x", "644 h = f", "644 h2 = f",
			},
		},
		"global header": {
			[]item{{name: "pax_global_header", kind: tar.TypeXGlobalHeader}, {name: "f", content: "f"}},
			[]string{"644 f = f"},
		},
		"nothing": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := Extract(t.Context(), bytes.NewReader(zip(t, tarball(t, tt.items...))), dir, Limits{}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, unpacked(t, dir)); diff != "" {
				t.Errorf("unpacked (-want +got):\n%s", diff)
			}
		})
	}
}

// refused are entries that neither Extract nor Judge accepts.
var refused = map[string]struct {
	items []item
	want  string
}{
	"absolute":                {[]item{{name: "/etc/x"}}, "absolute path"},
	"climbs":                  {[]item{{name: "a/../../x"}}, `".."`},
	"climbs at once":          {[]item{{name: "../x"}}, `".."`},
	"only climbs":             {[]item{{name: ".."}}, `".."`},
	"climbs inside":           {[]item{{name: "a/../x"}}, `".."`},
	"dots end an element":     {[]item{{name: "a../x"}}, `".."`},
	"backslash":               {[]item{{name: `a\x`}}, "backslash"},
	"device":                  {[]item{{name: "d", kind: tar.TypeBlock}}, `of tar type '4'`},
	"character device":        {[]item{{name: "d", kind: tar.TypeChar}}, `of tar type '3'`},
	"FIFO":                    {[]item{{name: "d", kind: tar.TypeFifo}}, `of tar type '6'`},
	"twice":                   {[]item{{name: "a"}, {name: "./a"}}, `entry "a": appears twice`},
	"folder twice":            {[]item{{name: "a/"}, {name: "a//"}}, `entry "a": appears twice`},
	"root twice":              {[]item{{name: "./"}, {name: "./"}}, "appears twice"},
	"root is a file":          {[]item{{name: "."}}, "the root is no folder"},
	"root is a link":          {[]item{{name: ".", kind: tar.TypeSymlink, target: "a"}}, "the root is no folder"},
	"long link":               {[]item{{name: "l", kind: tar.TypeSymlink, target: strings.Repeat("x", 101)}}, `link "l": more than 100 bytes`},
	"file as folder":          {[]item{{name: "a"}, {name: "a/b"}}, `entry "a/b": lies below "a"`},
	"folder as file":          {[]item{{name: "a/b"}, {name: "a"}}, `entry "a": a folder elsewhere`},
	"through a link":          {[]item{{name: "d/"}, {name: "l", kind: tar.TypeSymlink, target: "d"}, {name: "l/x"}}, `lies below "l"`},
	"link over a folder":      {[]item{{name: "d/x"}, {name: "d", kind: tar.TypeSymlink, target: "e"}}, "a folder elsewhere"},
	"link climbs":             {[]item{{name: "l", kind: tar.TypeSymlink, target: "../x"}}, `link "l" to "../x": leads out`},
	"link climbs deeper":      {[]item{{name: "a/l", kind: tar.TypeSymlink, target: "../../x"}}, "leads out"},
	"link climbs by a link":   {[]item{{name: "a/l", kind: tar.TypeSymlink, target: "m/../../x"}}, "leads out"},
	"absolute link":           {[]item{{name: "l", kind: tar.TypeSymlink, target: "/etc"}}, "leads out"},
	"link with a backslash":   {[]item{{name: "l", kind: tar.TypeSymlink, target: `..\x`}}, "leads out"},
	"link to nothing":         {[]item{{name: "l", kind: tar.TypeSymlink}}, "leads out"},
	"hard link to nothing":    {[]item{{name: "l", kind: tar.TypeLink, target: "a"}}, "no earlier file"},
	"hard link to a link":     {[]item{{name: "s", kind: tar.TypeSymlink, target: "x"}, {name: "l", kind: tar.TypeLink, target: "s"}}, "no earlier file"},
	"hard link to a folder":   {[]item{{name: "d/"}, {name: "l", kind: tar.TypeLink, target: "d"}}, "no earlier file"},
	"hard link climbs":        {[]item{{name: "l", kind: tar.TypeLink, target: "../../etc/passwd"}}, `".."`},
	"hard link absolute":      {[]item{{name: "l", kind: tar.TypeLink, target: "/etc/passwd"}}, "absolute"},
	"too many entries":        {[]item{{name: "a"}, {name: "b"}, {name: "c"}, {name: "d"}, {name: "e"}, {name: "f"}}, "more than 5 entries"},
	"too many implied":        {[]item{{name: "a/b/c/d/e/f"}}, "more than 5 entries"},
	"long name":               {[]item{{name: strings.Repeat("x", 101)}}, "more than 100 bytes in a path"},
	"too large":               {[]item{{name: "a", content: strings.Repeat("x", 300_000)}}, "more than 200000 expanded bytes"},
	"too large in the middle": {[]item{{name: "a", content: strings.Repeat("x", 198_500)}, {name: "b"}}, "more than 200000 expanded bytes"},
}

var tight = Limits{Entries: 5, Path: 100, Expanded: 200_000}

func TestExtractRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "in", "here")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			items := append([]item{}, tt.items...)
			err := Extract(t.Context(), bytes.NewReader(zip(t, tarball(t, items...))), dir, tight)
			checkError(t, err, tt.want)
			if around := unpacked(t, filepath.Join(dir, "..", "..")); len(slices.DeleteFunc(around, inside)) != 2 {
				t.Errorf("outside the folder: %q", around)
			}
		})
	}
}

func inside(line string) bool { return strings.Contains(line, "in/here/") }

// broken are archives that are damaged as a whole.
func broken(t *testing.T) map[string]struct {
	archive []byte
	want    string
} {
	plain := tarball(t, item{name: "a", content: text(5000)})
	zipped := zip(t, plain)
	badSum := bytes.Clone(zipped)
	badSum[len(badSum)-6] ^= 1
	return map[string]struct {
		archive []byte
		want    string
	}{
		"no data":               {nil, "no data"},
		"a text":                {[]byte("<html>not found</html>"), "neither gzip nor zstd nor tar"},
		"a long text":           {[]byte(text(5000)), "neither gzip nor zstd nor tar"},
		"a few zeros":           {make([]byte, 100), "neither gzip nor zstd nor tar"},
		"another compression":   {append([]byte("BZh91AY&SY"), make([]byte, 2000)...), "neither gzip nor zstd nor tar"},
		"like gzip":             {[]byte{0x1f, 0x8b, 9, 0, 0, 0, 0, 0, 0, 0, 0}, "no gzip header"},
		"like zstd":             {[]byte("\x28\xb5\x2f\xfd and more"), "zstd"},
		"plain cut in a file":   {plain[:1000], "ends too early"},
		"plain with more":       {append(bytes.Clone(plain), "more"...), "data after its end"},
		"bytes after zstd":      {append(zstandardOf(t, plain), "more"...), "after the compressed data"},
		"zstd cut":              {zstandardOf(t, plain)[:500], "ends too early"},
		"zstd of no tar":        {zstandardOf(t, []byte(text(5000))), "is no tar"},
		"cut in the header":     {zipped[:5], "ends too early"},
		"cut in the data":       {zipped[:len(zipped)/2], "ends too early"},
		"cut in the checksum":   {zipped[:len(zipped)-3], "ends too early"},
		"bad checksum":          {badSum, "checksum"},
		"bytes after gzip":      {append(bytes.Clone(zipped), "more"...), "after the compressed data"},
		"zeros after gzip":      {append(bytes.Clone(zipped), 0, 0, 0), "after the compressed data"},
		"bytes after the tar":   {zip(t, append(bytes.Clone(plain), "more"...)), "data after its end"},
		"a tar after the tar":   {zip(t, append(bytes.Clone(plain), plain...)), "data after its end"},
		"a member after it":     {append(bytes.Clone(zipped), zip(t, []byte("x"))...), "data after its end"},
		"no tar":                {zip(t, []byte(strings.Repeat("kind: Deployment\n", 100))), "is no tar"},
		"tar cut in a file":     {zip(t, plain[:1000]), "ends too early"},
		"tar cut in the header": {zip(t, plain[:100]), "ends too early"},
	}
}

func TestExtractRefusesBrokenArchives(t *testing.T) {
	t.Parallel()
	for name, tt := range broken(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkError(t, Extract(t.Context(), bytes.NewReader(tt.archive), t.TempDir(), Limits{}), tt.want)
		})
	}
}

// What other tools write and every reader takes.
func TestExtractAccepts(t *testing.T) {
	t.Parallel()
	plain := tarball(t, item{name: "a", content: text(5000)})
	empty := zip(t, nil)
	for name, archive := range map[string][]byte{
		"zero padding":         zip(t, append(bytes.Clone(plain), make([]byte, 20_000)...)),
		"several gzip members": slices.Concat(empty, zip(t, plain[:700]), empty, zip(t, plain[700:]), empty),
		"no end of archive":    zip(t, plain[:len(plain)-1024]),
		"plain tar":            plain,
		"zstd":                 zstandardOf(t, plain),
		"several zstd frames":  slices.Concat(zstandardOf(t, nil), zstandardOf(t, plain[:700]), zstandardOf(t, plain[700:])),
		"zstd after a note":    append([]byte("\x5e\x2a\x4d\x18\x03\x00\x00\x00abc"), zstandardOf(t, plain)...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := Extract(t.Context(), bytes.NewReader(archive), dir, Limits{}); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(got) != text(5000) {
				t.Errorf("file of %d bytes, error %v", len(got), err)
			}
		})
	}
}

// Links that lie in the folder already are not followed, files not overwritten.
func TestExtractIntoAFolderInUse(t *testing.T) {
	t.Parallel()
	outside := write(t, map[string]string{"kept": "kept"})
	dir := write(t, map[string]string{"link": "-> " + outside, "file": "old", "link-to-file": "-> " + outside + "/kept"})
	for _, i := range []item{{name: "link/new"}, {name: "file"}, {name: "link-to-file"}, {name: "link/"}} {
		err := Extract(t.Context(), bytes.NewReader(zip(t, tarball(t, i))), dir, Limits{})
		checkError(t, err, "unpack")
	}
	if diff := cmp.Diff([]string{"644 kept = kept"}, unpacked(t, outside)); diff != "" {
		t.Errorf("outside (-want +got):\n%s", diff)
	}
}

func TestExtractErrors(t *testing.T) {
	t.Parallel()
	archive := zip(t, tarball(t, item{name: "a", content: text(500_000)}))
	checkError(t, Extract(t.Context(), bytes.NewReader(archive), filepath.Join(t.TempDir(), "none"), Limits{}), "none")
	var limit *LimitError
	err := Extract(t.Context(), bytes.NewReader(archive), t.TempDir(), Limits{Compressed: 1000})
	if !errors.As(err, &limit) || *limit != (LimitError{1000, "compressed bytes"}) {
		t.Errorf("compressed limit: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	in := bytes.NewReader(archive)
	r := readFunc(func(p []byte) (int, error) {
		if in.Len() < len(archive)/2 {
			cancel()
		}
		return in.Read(p[:min(len(p), 1000)])
	})
	if err := Extract(ctx, r, t.TempDir(), Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

// What Pack writes, Extract restores.
func TestPackThenExtract(t *testing.T) {
	t.Parallel()
	archive, want := pack(t, golden(), PackOptions{})
	dir := t.TempDir()
	if err := Extract(t.Context(), bytes.NewReader(archive), dir, Limits{}); err != nil {
		t.Fatal(err)
	}
	_, got := pack(t, openDir(t, dir), PackOptions{})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packed again (-want +got):\n%s", diff)
	}
}
