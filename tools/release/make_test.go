package main

import (
	"debug/buildinfo"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// small is a repository whose plugin is as small as can be.
func small(t *testing.T) string {
	t.Helper()
	root := repository(t, map[string]string{"default": "ghcr.io/kubectl-oci/agent:v1.2.3"})
	plugin := filepath.Join(root, "cmd", "kubectl-oci")
	if err := os.MkdirAll(plugin, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		filepath.Join(root, "go.mod"):                     "module example.com/small\ngo 1.26\n",
		filepath.Join(root, "LICENSE"):                    "do as you like",
		filepath.Join(root, "krew.yaml"):                  string(unfilled(t)),
		filepath.Join(plugin, "main.go"):                  "package main\nfunc main() {}\n",
		filepath.Join(plugin, "kubectl_complete-oci"):     "#!/bin/sh\n",
		filepath.Join(plugin, "kubectl_complete-oci.cmd"): "@echo off\r\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// Each platform's archive is what its users can unpack, with a program that runs there.
func TestReleaseForAllPlatforms(t *testing.T) {
	t.Parallel()
	to := filepath.Join(t.TempDir(), "dist")
	if err := run(t.Context(), []string{"-root", small(t), "-version", "v1.2.3", "-to", to}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if sums := sumsOf(t); len(sums) != 6 {
		t.Fatalf("%d platforms", len(sums))
	}
	for archive := range sumsOf(t) {
		raw, err := os.ReadFile(filepath.Join(to, archive))
		if err != nil {
			t.Fatal(err)
		}
		list, want := listTarGz, []string{"LICENSE", "THIRD_PARTY_LICENSES.txt", "kubectl-oci", "kubectl_complete-oci"}
		if strings.HasSuffix(archive, ".zip") {
			list, want = listZip, []string{"LICENSE", "THIRD_PARTY_LICENSES.txt", "kubectl-oci.exe", "kubectl_complete-oci.cmd"}
		}
		content := map[string]string{}
		for _, line := range list(t, raw) {
			parts := strings.SplitN(line, " ", 5) // name, mode, day, time, content
			content[parts[0]] = parts[4]
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(content))); diff != "" {
			t.Errorf("%s: %s", archive, diff)
		}
		if got := platformOf(t, content[want[2]]); !strings.HasPrefix(archive, "kubectl-oci_"+got+".") {
			t.Errorf("%s holds a program for %s", archive, got)
		}
		if texts := content["THIRD_PARTY_LICENSES.txt"]; !strings.Contains(texts, "\nGo "+runtime.Version()+": LICENSE\n") {
			t.Errorf("%s: the terms of Go's own library are not in\n%s", archive, texts)
		}
	}
}

// platformOf reads for what a program was built, as in linux_amd64.
func platformOf(t *testing.T, program string) string {
	t.Helper()
	info, err := buildinfo.Read(strings.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	on := map[string]string{}
	for _, s := range info.Settings {
		on[s.Key] = s.Value
	}
	return on["GOOS"] + "_" + on["GOARCH"]
}
