package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What somebody types is an artifact or a folder by how it is written, not by what happens to lie on the disk.
func TestParseSide(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, folder := range []string{"deploy/app", "my.configs/app", "layout", "docker.io/org/app"} {
		if err := os.MkdirAll(filepath.FromSlash(folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"layout", "docker.io/org/app"} {
		if err := os.WriteFile(filepath.Join(folder, "oci-layout"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	zeros := strings.Repeat("0", 64)
	for text, want := range map[string]string{
		"deploy": "path", "deploy/app": "path", "./deploy": "path", "./my.configs/app": "path", dir: "path", "-": "path", ".": "path", "../": "path",
		"my.configs/app:v1": "reference", "oci://my.configs/app:v1": "reference", "localhost:5000/app@sha256:" + zeros: "reference",
		"docker.io/org/app:v1": "reference", "./docker.io/org/app:v1": "layout",
		"layout": "layout", "./layout:v1": "layout", "layout@sha256:" + zeros: "layout",
		"my.configs/app": "no tag or digest", "missing": "neither a file nor a folder", "layout@sha256:0": "is not sha256:",
	} {
		s, err := parseSide(text, nil)
		got := "path"
		switch {
		case err != nil:
			got = err.Error()
		case s.input == nil && s.place.path != "":
			got = "layout"
		case s.input == nil:
			got = "reference"
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"main@sha1:0": "main@sha1:0", "größe \"x\"": "größe \"x\"", "\x1b[2J": `"\x1b[2J"`, "a\nb": `"a\nb"`, "\u202e": `"\u202e"`, "\xff": `"\xff"`,
	} {
		if got := shown(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestColored(t *testing.T) {
	t.Parallel()
	got := colored("changed A/b\n--- x\n+++ y\n@@ -1 +1 @@\n a\n-b\n+c\n")
	const want = "changed A/b\n\x1b[1m--- x\x1b[0m\n\x1b[1m+++ y\x1b[0m\n\x1b[36m@@ -1 +1 @@\x1b[0m\n a\n\x1b[31m-b\x1b[0m\n\x1b[32m+c\x1b[0m\n"
	if got != want {
		t.Errorf("got %q", got)
	}
}
