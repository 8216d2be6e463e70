package archive

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/google/go-cmp/cmp"
)

// agentFiles are the files that source-controller serves of an unpacked tree, told by the same library in the way it calls it.
func agentFiles(t *testing.T, dir string, ignore *string) []string {
	t.Helper()
	patterns, err := sourceignore.LoadIgnorePatterns(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ignore != nil {
		patterns = append(patterns, sourceignore.ReadPatterns(strings.NewReader(*ignore), nil)...)
	}
	matcher := sourceignore.NewDefaultMatcher(nil, nil)
	if len(patterns) > 0 {
		matcher = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(nil), patterns...))
	}
	var kept []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(dir, path)
		switch {
		case err != nil || relErr != nil:
			return fmt.Errorf("%w, %w", err, relErr)
		case name == ".":
		case d.IsDir() && !matcher.Match(strings.Split(name, "/"), true):
			kept = append(kept, name+"/")
		case !d.IsDir() && !matcher.Match(strings.Split(name, "/"), false):
			kept = append(kept, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func packedNames(t *testing.T, archive []byte) []string {
	t.Helper()
	var names []string
	for _, line := range list(t, archive) {
		name, _, isFile := strings.Cut(line[4:], " = ")
		switch {
		case name == root:
		case isFile:
			names = append(names, name)
		default:
			names = append(names, name+"/")
		}
	}
	return names
}

var ignoreCases = map[string]struct {
	files   map[string]string
	ignore  []string
	skipped []string
}{
	"defaults": {
		files: map[string]string{
			"a.yaml": "", "a.png": "", "x/b.tar.gz": "", ".github/w.yaml": "", "x/.sops.yaml": "", ".git/config": "",
			"x/.gitignore": "", ".sourceignore.yaml": "", "travis.yml": "", ".travis.yml": "", ".sops.yaml": "",
		},
		skipped: []string{
			".git/", ".github/", ".sops.yaml", ".travis.yml", "a.png", "x/.gitignore", "x/.sops.yaml", "x/b.tar.gz",
		},
	},
	"a rule replaces the defaults but not the version control files": {
		files:   map[string]string{".sourceignore": "*.md\n", "a.md": "", "b.png": "", ".git/config": "", ".github/x": ""},
		skipped: []string{".git/", "a.md"},
	},
	"a file without rules replaces nothing": {
		files:   map[string]string{".sourceignore": "# nothing\n\n  \n", "b.png": "", "c": ""},
		skipped: []string{"b.png"},
	},
	"an ignored nested rule counts": {
		files:   map[string]string{".github/.sourceignore": "zzz\n", "b.png": "", ".github/x": ""},
		skipped: nil,
	},
	"rules in .git do not count": {
		files:   map[string]string{".git/.sourceignore": "*\n", "x/.git/.sourceignore": "*", "b.png": "", "c": ""},
		skipped: []string{".git/", "b.png", "x/.git/"},
	},
	"nested rules govern their folder": {
		files:   map[string]string{"a/.sourceignore": "*.txt\n/only\n", "a/b/x.txt": "", "x.txt": "", "a/only": "", "a/b/only": "", "b/x.txt": ""},
		skipped: []string{"a/b/x.txt", "a/only"},
	},
	"a nested rule brings back": {
		files:   map[string]string{".sourceignore": "*.txt\n", "a/.sourceignore": "!keep.txt\n", "a/keep.txt": "", "keep.txt": "", "a/x.txt": ""},
		skipped: []string{"a/x.txt", "keep.txt"},
	},
	"out of an excluded folder": {
		files:   map[string]string{".sourceignore": "a/\n!a/b/keep\n", "a/b/keep": "", "a/b/x": "", "a/c/x": "", "d": ""},
		skipped: []string{"a/b/x", "a/c/"},
	},
	"only one folder": {
		files:   map[string]string{".sourceignore": "/*\n!/deploy\n", "deploy/a/b.yaml": "", "src/x.go": "", "src/y/z.go": "", "README": ""},
		skipped: []string{".sourceignore", "README", "src/"},
	},
	"extra rules come last": {
		files:   map[string]string{".sourceignore": "!*.png\n", "a.png": "", "b.jpg": "", "x/a.png": ""},
		ignore:  []string{"/a.png"},
		skipped: []string{"a.png"},
	},
	"stars, spaces, escapes": {
		files: map[string]string{
			".sourceignore": "**/tmp/*.log\ndocs/**\n**/v[0-9]?\ntrail  \n\\#hash\r\nfoo\\*bar\n\\!x\n",
			"a/tmp/x.log":   "", "tmp/x.log": "", "tmp/x.txt": "", "docs/a/b": "", "a/docs/b": "", "c/v1a": "", "trail": "", "#hash": "",
			"foo*bar": "", "fooxbar": "", "!x": "",
		},
		skipped: []string{"!x", "#hash", "a/tmp/x.log", "c/v1a", "docs/", "foo*bar", "tmp/x.log", "trail"},
	},
}

func TestPackIgnores(t *testing.T) {
	t.Parallel()
	for name, tt := range ignoreCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, tt.files)
			if err := os.WriteFile(filepath.Join(dir, "zz.yaml"), nil, 0o644); err != nil { // so that it is never empty
				t.Fatal(err)
			}
			ignore := strings.Join(tt.ignore, "\n")
			if tt.skipped != nil && strings.HasPrefix(tt.skipped[0], ".sourceignore") {
				ignore += "!zz.yaml"
			}
			archive, s := pack(t, openDir(t, dir), PackOptions{Ignore: strings.Split(ignore, "\n")})
			if diff := cmp.Diff(tt.skipped, s.Skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
			want := agentFiles(t, dir, &ignore)
			if diff := cmp.Diff(want, packedNames(t, archive)); diff != "" {
				t.Errorf("packed (-as the agent +got):\n%s", diff)
			}
		})
	}
}

// Trees and rules drawn from a few names collide often: whatever the library says of a path, so do the rules.
func TestRulesAgreeWithLibrary(t *testing.T) {
	t.Parallel()
	words := []string{"a", "b", "ab", "*", "**", "a*", "*b", "?", "[ab]", "", "a b", "*.x", "c.x", `\a`, "[", "a**"}
	names := []string{"a", "b", "ab", "c.x", "a b", "d"}
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(from []string) string {
		parts := make([]string, 1+random.IntN(3))
		for i := range parts {
			parts[i] = from[random.IntN(len(from))]
		}
		return strings.Join(parts, "/")
	}
	for range 20_000 {
		var lines []string
		for range 1 + random.IntN(3) {
			prefix, suffix := []string{"", "", "!"}[random.IntN(3)], []string{"", "", "/", " "}[random.IntN(4)]
			lines = append(lines, prefix+draw(words)+suffix)
		}
		body := strings.Join(lines, "\n")
		r, err := newRules(ignoreFiles{}, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		patterns := sourceignore.ReadPatterns(strings.NewReader(body), nil)
		matcher := sourceignore.NewMatcher(append(sourceignore.VCSPatterns(nil), patterns...))
		if len(patterns) == 0 {
			matcher = sourceignore.NewDefaultMatcher(nil, nil)
		}
		name, isDir := draw(names), random.IntN(2) == 0
		if got, want := r.drop(name, isDir), matcher.Match(strings.Split(name, "/"), isDir); got != want {
			t.Errorf("rules %q: drop(%q, %v) = %v, want %v", lines, name, isDir, got, want)
		}
		if below := name + "/" + draw(names); !r.include && r.drop(name, true) && !r.drop(below, isDir) {
			t.Errorf("rules %q leave out the folder %q but not %q", lines, name, below)
		}
	}
}

func TestRulesAreBounded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"many rules": {map[string]string{".sourceignore": strings.Repeat("x\n", maxPatterns+1)}, "ignore rules"},
		"many bytes": {map[string]string{".sourceignore": strings.Repeat("#\n", maxIgnoreBytes)}, "bytes of ignore rules"},
		"many files": {map[string]string{
			"a/.sourceignore": strings.Repeat("#\n", maxIgnoreBytes/4), "b/.sourceignore": strings.Repeat("#\n", maxIgnoreBytes/4+1),
		}, `read "b/.sourceignore": more than`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readRules(t.Context(), tree(tt.files), nil)
			checkError(t, err, tt.want)
		})
	}
}
