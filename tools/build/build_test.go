package build_test

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

// checkout is a git repository with one commit, made at the given time.
func checkout(t *testing.T, at time.Time) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "first"}} {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE="+at.Format(time.RFC3339))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

func TestReadOrigin(t *testing.T) {
	at := time.Date(2026, 1, 2, 5, 4, 6, 0, time.FixedZone("", 2*60*60))
	clean, dirty := checkout(t, at), checkout(t, at)
	if err := os.WriteFile(filepath.Join(dirty, "another"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		root, epoch, created string
		revision             bool
	}{
		"clean":               {root: clean, created: "2026-01-02T03:04:06Z", revision: true},
		"clean, another time": {root: clean, epoch: "1", created: "1970-01-01T00:00:01Z", revision: true},
		"changed":             {root: dirty, created: "1970-01-01T00:00:00Z"},
		"changed, told when":  {root: dirty, epoch: "1", created: "1970-01-01T00:00:01Z"},
		"no checkout":         {root: t.TempDir(), created: "1970-01-01T00:00:00Z"},
	} {
		t.Setenv("SOURCE_DATE_EPOCH", c.epoch)
		got, err := build.ReadOrigin(t.Context(), c.root, "v1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		if created := got.Created.Format(time.RFC3339); created != c.created || (len(got.Revision) == 40) != c.revision {
			t.Errorf("%s: revision %q, created %s, want %s", name, got.Revision, created, c.created)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, err := build.ReadOrigin(t.Context(), clean, "v1.2.3"); err == nil {
		t.Error("SOURCE_DATE_EPOCH that is none: no error")
	}
}

func TestParsePlatform(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "linux", "/amd64", "linux/", "linux/arm/v7"} {
		if p, err := build.ParsePlatform(text); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
	p, err := build.ParsePlatform("windows/arm64")
	if err != nil || p.String() != "windows/arm64" || p.Program("x") != "x.exe" {
		t.Errorf("got %+v, %v", p, err)
	}
}

// What users have set for themselves, in the file of go env -w or in the environment, does not get into programs.
func TestCompileHasNoHabits(t *testing.T) {
	home := t.TempDir()
	t.Setenv("GOCACHE", goEnv(t, "GOCACHE"))
	t.Setenv("GOENV", filepath.Join(home, "go-env"))
	t.Setenv("GOFLAGS", "-tags=habit")
	root := t.TempDir()
	for path, content := range map[string]string{
		filepath.Join(home, "go-env"):  "GOEXPERIMENT=jsonv2\nGOAMD64=v3\nGOARM64=v9.0\nGOPROXY=off\n",
		filepath.Join(root, "go.mod"):  "module example.com/a\ngo 1.26\n",
		filepath.Join(root, "main.go"): "package main\nfunc main() {}\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(root, "program")
	if err := (build.Origin{Root: root}).Compile(t.Context(), ".", build.Platform{OS: "linux", Arch: "amd64"}, program); err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	want := map[string]string{
		"-buildmode": "exe", "-compiler": "gc", "-tags": "grpcnotrace", "-trimpath": "true", "CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
