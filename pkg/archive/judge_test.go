package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func judge(t testing.TB, archive []byte, ignore *string) *Verdict {
	t.Helper()
	v, err := Judge(t.Context(), bytes.NewReader(archive), ignore, Limits{})
	if err != nil {
		t.Fatalf("judge: %v", err)
	}
	return v
}

func repack(t testing.TB, v *Verdict, archive []byte) ([]byte, Summary) {
	t.Helper()
	var b bytes.Buffer
	s, err := v.Repack(t.Context(), &b, bytes.NewReader(archive))
	if err != nil {
		t.Fatalf("repack: %v", err)
	}
	return b.Bytes(), s
}

// What Pack writes is served as it is; written anew it is the same.
func TestJudgeKeepsWhatPackWrites(t *testing.T) {
	t.Parallel()
	archive, want := pack(t, golden(), PackOptions{})
	v := judge(t, archive, nil)
	if !v.Keep || v.Why != "" || v.Files != want.Files {
		t.Errorf("verdict %+v", v)
	}
	got, summary := repack(t, v, archive)
	if diff := cmp.Diff(want, summary); diff != "" || !bytes.Equal(got, archive) {
		t.Errorf("repacked (-want +got):\n%s", diff)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	file := item{name: "f.yaml", content: "f"}
	served := []string{"755 .", "644 f.yaml = f"}
	for name, tt := range map[string]struct {
		items  []item
		ignore string
		why    string // empty: kept
		want   []string
	}{
		"plain":                {[]item{{name: "./"}, file}, "", "", served},
		"no root, odd writing": {[]item{{name: "./a//"}, {name: "./a/../a/f"[:4] + "/f"}, file}, "", "", []string{"755 .", "755 a", "644 a/f = ", "644 f.yaml = f"}},
		"other modes":          {[]item{{name: "a/", mode: 0o777}, {name: "f.yaml", content: "f", mode: 0o600}}, "", "", []string{"755 .", "755 a", "644 f.yaml = f"}},
		"default rule":         {[]item{file, {name: "x.png"}}, "", `ignore rules leave out "x.png"`, served},
		"spec.ignore":          {[]item{file, {name: "x.yaml"}}, "x.yaml", `ignore rules leave out "x.yaml"`, served},
		"spec.ignore replaces": {[]item{file, {name: "x.png"}}, "y", "", []string{"755 .", "644 f.yaml = f", "644 x.png = "}},
		"empty spec.ignore":    {[]item{file, {name: "x.png"}}, "\n# no rule\n", `ignore rules leave out "x.png"`, served},
		"spec.ignore is last":  {[]item{{name: ".sourceignore", content: "f.*"}, file}, "!f.yaml\n.sourceignore", "ignore rules", served},
		"symbolic link":        {[]item{file, {name: "l", kind: tar.TypeSymlink, target: "f.yaml"}}, "", `link "l"`, served},
		"global header":        {[]item{{name: "pax_global_header", kind: tar.TypeXGlobalHeader}, file}, "", "global header", served},
		"file of folder mode":  {[]item{{name: "f.yaml", content: "f", mode: 0o040644}}, "", `mode of "f.yaml"`, served},
		"file of FIFO mode":    {[]item{{name: "f.yaml", content: "f", mode: 0o010644}}, "", `mode of "f.yaml"`, served},
		"unreadable file":      {[]item{{name: "f.yaml", content: "f", mode: 0o200}}, "", `owner of "f.yaml"`, served},
		"locked folder":        {[]item{{name: "d/", mode: 0o600}, file}, "", `owner of "d"`, []string{"755 .", "755 d", "644 f.yaml = f"}},
		"nothing is left":      {[]item{{name: "x.png"}}, "", "ignore rules", []string{"755 ."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := zip(t, tarball(t, tt.items...))
			v := judge(t, archive, &tt.ignore)
			if v.Keep != (tt.why == "") || !strings.Contains(v.Why, tt.why) {
				t.Errorf("keep %v because %q, want %q", v.Keep, v.Why, tt.why)
			}
			got, summary := repack(t, v, archive)
			if diff := cmp.Diff(tt.want, list(t, got)); diff != "" {
				t.Errorf("repacked (-want +got):\n%s", diff)
			}
			checkSummary(t, got, summary, v.Files)
			again, _ := repack(t, v, archive)
			if !bytes.Equal(got, again) {
				t.Error("repacked twice: different bytes")
			}
			if v := judge(t, got, &tt.ignore); !v.Keep {
				t.Errorf("the repacked archive is not kept: %s", v.Why)
			}
		})
	}
}

func TestJudgeNoticesGzipMembers(t *testing.T) {
	t.Parallel()
	plain := tarball(t, item{name: "f", content: text(5000)})
	v := judge(t, slices.Concat(zip(t, plain[:700]), zip(t, plain[700:])), nil)
	if v.Keep || v.Why != "more than one gzip member" {
		t.Errorf("verdict %+v", v)
	}
}

func TestJudgeRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Judge(t.Context(), bytes.NewReader(zip(t, tarball(t, tt.items...))), nil, tight)
			checkError(t, err, tt.want)
		})
	}
	for name, tt := range broken(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Judge(t.Context(), bytes.NewReader(tt.archive), nil, Limits{})
			checkError(t, err, tt.want)
		})
	}
	hard := zip(t, tarball(t, item{name: "a"}, item{name: "b", kind: tar.TypeLink, target: "a"}))
	_, err := Judge(t.Context(), bytes.NewReader(hard), nil, Limits{})
	checkError(t, err, `entry "b": hard link to "a"`)
}

// Whatever the order of the entries, the verdict is that of source-controller on the unpacked tree.
func TestJudgeAgreesWithUnpackedTree(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for name, tt := range ignoreCases {
		for round := range 6 {
			items := shuffled(random, tt.files, round)
			ignore := strings.Join(tt.ignore, "\n")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				archive := zip(t, tarball(t, items...))
				dir := t.TempDir()
				if err := Extract(t.Context(), bytes.NewReader(archive), dir, Limits{}); err != nil {
					t.Fatal(err)
				}
				want := agentFiles(t, dir, &ignore)
				v := judge(t, archive, &ignore)
				if v.Keep != (len(want) == len(items)) {
					t.Errorf("keep %v because %q, but the agent serves %d of %d", v.Keep, v.Why, len(want), len(items))
				}
				served, _ := repack(t, v, archive)
				got := packedNames(t, served)
				slices.Sort(got)
				slices.Sort(want)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("served (-as the agent +got):\n%s", diff)
				}
			})
		}
	}
}

// shuffled are all files and folders of a tree in a random order, in the first rounds with the rules first or last.
func shuffled(random *rand.Rand, files map[string]string, round int) []item {
	names := map[string]bool{}
	for name := range files {
		names[name] = true
		for i, r := range name {
			if r == '/' {
				names[name[:i+1]] = true
			}
		}
	}
	items := make([]item, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		items = append(items, item{name: name, content: files[name]})
	}
	random.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	last := map[int]int{0: -1, 1: 1}[round]
	slices.SortStableFunc(items, func(a, b item) int {
		return last * (boolInt(isIgnoreFile(a.name)) - boolInt(isIgnoreFile(b.name)))
	})
	return items
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestRepackRefusesOtherBytes(t *testing.T) {
	t.Parallel()
	a := zip(t, tarball(t, item{name: "a", content: "1"}, item{name: "b"}))
	v := judge(t, a, nil)
	for name, items := range map[string][]item{
		"another name": {{name: "a", content: "1"}, {name: "c"}},
		"another size": {{name: "a", content: "12"}, {name: "b"}},
		"shorter":      {{name: "a", content: "1"}},
		"longer":       {{name: "a", content: "1"}, {name: "b"}, {name: "c"}},
	} {
		_, err := v.Repack(t.Context(), io.Discard, bytes.NewReader(zip(t, tarball(t, items...))))
		if !errors.Is(err, errOther) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, err := v.Repack(t.Context(), io.Discard, strings.NewReader("x"))
	checkError(t, err, "read archive")
	full := errors.New("disk full")
	if _, err := v.Repack(t.Context(), &fullWriter{20, full}, bytes.NewReader(a)); !errors.Is(err, full) {
		t.Errorf("disk full: got %v", err)
	}
}

func TestJudgeStops(t *testing.T) {
	t.Parallel()
	archive, _ := pack(t, golden(), PackOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	v := judge(t, archive, nil)
	cancel()
	if _, err := Judge(ctx, bytes.NewReader(archive), nil, Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("judge: got %v", err)
	}
	if _, err := v.Repack(ctx, io.Discard, bytes.NewReader(archive)); !errors.Is(err, context.Canceled) {
		t.Errorf("repack: got %v", err)
	}
}
