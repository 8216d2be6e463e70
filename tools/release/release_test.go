package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

// packed writes files of different times and modes as a platform's archive.
func packed(t *testing.T, system string, mode os.FileMode, at time.Time) []byte {
	t.Helper()
	dir := t.TempDir()
	var files []file
	for _, f := range []file{{name: "LICENSE"}, {name: "program", executable: true}} {
		f.path = filepath.Join(dir, f.name)
		if err := os.WriteFile(f.path, []byte("content of "+f.name), mode); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	var b bytes.Buffer
	if err := writerFor(build.Platform{OS: system})(&b, files, at); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchivesHoldFilesAlone(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)
	want := []string{"LICENSE -rw-r--r-- 2026-01-02 03:04:06 content of LICENSE", "program -rwxr-xr-x 2026-01-02 03:04:06 content of program"}
	for system, list := range map[string]func(*testing.T, []byte) []string{"linux": listTarGz, "windows": listZip} {
		content := packed(t, system, 0o600, at)
		if diff := cmp.Diff(want, list(t, content)); diff != "" {
			t.Errorf("%s: %s", system, diff)
		}
		if again := packed(t, system, 0o755, at); !bytes.Equal(content, again) {
			t.Errorf("%s: the mode of what is packed changes the archive", system)
		}
	}
}

func TestZipTellsNoTimeBeforeItsFirst(t *testing.T) {
	t.Parallel()
	for _, line := range listZip(t, packed(t, "windows", 0o600, time.Unix(0, 0))) {
		if !bytes.Contains([]byte(line), []byte(" 1980-01-01 00:00:00 ")) {
			t.Error(line)
		}
	}
}

func listTarGz(t *testing.T, raw []byte) (lines []string) {
	t.Helper()
	compressed, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(compressed)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" {
			t.Errorf("%s has an owner", h.Name)
		}
		lines = append(lines, line(t, h.Name, h.FileInfo(), h.ModTime, r))
	}
}

func listZip(t *testing.T, raw []byte) (lines []string) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line(t, f.Name, f.FileInfo(), f.Modified, content))
	}
	return lines
}

func line(t *testing.T, name string, info os.FileInfo, at time.Time, r io.Reader) string {
	t.Helper()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return name + " " + info.Mode().String() + " " + at.UTC().Format(time.DateTime) + " " + string(content)
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"no version":                 {"-to", "x"},
		"a version without v":        {"-to", "x", "-version", "1.2.3"},
		"a version of two parts":     {"-to", "x", "-version", "v1.2"},
		"what git describe says":     {"-to", "x", "-version", "12ce245"},
		"a version that is no tag":   {"-to", "x", "-version", "v1.2.3+build"},
		"no folder":                  {"-version", "v1.2.3"},
		"a platform that is none":    {"-to", "x", "-version", "v1.2.3", "-platforms", "linux"},
		"a plugin in another folder": {"-to", "x", "-version", "v1.2.3", "-plugin", "../oci"},
		"a plugin without a name":    {"-to", "x", "-version", "v1.2.3", "-plugin", ""},
		"a plugin in capitals":       {"-to", "x", "-version", "v1.2.3", "-plugin", "OCI"},
		"a key and nothing to sign":  {"-to", "x", "-version", "v1.2.3", "-key", "cosign.key"},
		"a flag that there is not":   {"-to", "x", "-version", "v1.2.3", "-signed"},
		"an argument without a flag": {"-to", "x", "-version", "v1.2.3", "linux"},
	} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Nobody could tell whose signature it is.
func TestReleaseIsNotSignedWithAKeyThatNobodyKnows(t *testing.T) {
	t.Parallel()
	root := repository(t, map[string]string{"default": "ghcr.io/kubectl-oci/agent:v1.2.3"})
	to := filepath.Join(t.TempDir(), "dist")
	args := []string{"-root", root, "-version", "v1.2.3", "-to", to, "-publish", "localhost:1/release", "-key", "cosign.key"}
	if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "no cosign.pub in the repository") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("it began all the same")
	}
}

func TestReleaseDoesNotMixWithWhatIsThere(t *testing.T) {
	t.Parallel()
	root := repository(t, map[string]string{"default": "ghcr.io/kubectl-oci/agent:v1.2.3"})
	args := []string{"-root", root, "-version", "v1.2.3", "-to", t.TempDir()}
	if err := run(t.Context(), args, io.Discard, io.Discard); !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v, want that the folder exists", err)
	}
}
