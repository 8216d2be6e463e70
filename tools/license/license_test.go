package license

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

func TestOfProgram(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	origin, on := build.Origin{Root: root}, build.Platform{OS: "windows", Arch: "arm64"}
	raw, err := Of(t.Context(), origin, "./release", on)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Of(t.Context(), origin, "./release", on); err != nil || !bytes.Equal(raw, again) {
		t.Errorf("the second time it is another one, or %v", err)
	}
	for text, want := range map[string]int{
		"\ngithub.com/CycloneDX/cyclonedx-go v":     2, // its licence and its notice
		"\ngo.yaml.in/yaml/v3 v":                    2,
		"\nGo " + runtime.Version() + ": LICENSE\n": 1,
		"\nGo " + runtime.Version() + ": PATENTS\n": 1,
		"Version 2.0, January 2004":                 1, // however many have it
		"go-containerregistry":                      0, // it is not linked
		"kubectl-oci":                               0,
		"\r":                                        0,
	} {
		if got := strings.Count(string(raw), text); got != want {
			t.Errorf("%q is there %d times, want %d", text, got, want)
		}
	}
}

// module makes a module whose program uses another one, which has the files given.
func module(t *testing.T, files map[string]string) build.Origin {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{
		"ours/go.mod":     "module example.com/ours\ngo 1.26\nrequire example.com/theirs v1.0.0\nreplace example.com/theirs => ../theirs\n",
		"ours/main.go":    "package main\nimport _ \"example.com/theirs/deep/down\"\nfunc main() {}\n",
		"theirs/go.mod":   "module example.com/theirs\ngo 1.26\n",
		"theirs/other/go": "",
	}
	for name, content := range files {
		all["theirs/"+name] = content
	}
	all["theirs/deep/down/a.go"] = "package down\n"
	for name, content := range all {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return build.Origin{Root: filepath.Join(dir, "ours")}
}

func TestWhichTexts(t *testing.T) {
	t.Parallel()
	origin := module(t, map[string]string{
		"LICENSE": "taken 1", "NOTICE.txt": "taken 2", "deep/LICENSE-MIT": "taken 3", "deep/down/Copying": "taken 4", "deep/AUTHORS": "taken 5",
		"license.go": "package theirs // left out", "other/LICENSE": "left out: not linked", "licenses.md": "left out",
	})
	raw, err := Of(t.Context(), origin, ".", build.Platform{OS: "linux", Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"taken 1", "taken 2", "taken 3", "taken 4", "taken 5", "\nexample.com/theirs v1.0.0: deep/down/Copying\n"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%q is not there", want)
		}
	}
	if strings.Contains(string(raw), "left out") {
		t.Errorf("there is too much:\n%s", raw)
	}
}

func TestWithoutLicence(t *testing.T) {
	t.Parallel()
	origin := module(t, map[string]string{"NOTICE": "be aware"})
	if _, err := Of(t.Context(), origin, ".", build.Platform{OS: "linux", Arch: "amd64"}); err == nil || !strings.Contains(err.Error(), "example.com/theirs") {
		t.Errorf("got %v, want that nobody may pass it on", err)
	}
}
