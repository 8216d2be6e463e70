package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// A kustomization may be a stranger's: what would take the machine down, or never ends, is refused, and says which file it is. What a
// build takes from the process, it gives back.
func TestKustomizationThatTakesTooMuch(t *testing.T) { //nolint:paralleltest // the environment changes meanwhile
	const list = "kind: Kustomization\nresources: "
	var bomb strings.Builder
	bomb.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nl0: &l0 [x]\n")
	for i := range 9 {
		fmt.Fprintf(&bomb, "l%d: &l%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*l%d,", i), 10))
	}
	path, transport := os.Getenv("PATH"), http.DefaultTransport
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"aliases":         {map[string]string{"kustomization.yaml": list + "[r.yaml]", "r.yaml": bomb.String()}, "r.yaml:1: too many values, aliases followed"},
		"under any name":  {map[string]string{"kustomization.yaml": list + "[r]", "r": bomb.String()}, "r:1: too many values, aliases followed"},
		"never ends":      {map[string]string{"kustomization.yaml": list + "[pipe]"}, "pipe: it is no regular file"},
		"a large file":    {map[string]string{"kustomization.yaml": list + "[hole.yaml]"}, "hole.yaml: it has more than 67108864 bytes"},
		"nothing at all":  {map[string]string{"kustomization.yaml": list + "[r.yaml]", "r.yaml": ""}, "nothing came of it"},
		"is what it says": {map[string]string{"kustomization.yaml": list + "[r.yaml]", "r.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"}, ""},
	} {
		dir := t.TempDir()
		for file, text := range tc.files {
			file = filepath.Join(dir, file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		hole := filepath.Join(dir, "hole.yaml")
		if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600), os.WriteFile(hole, nil, 0o600), os.Truncate(hole, 10<<30)); err != nil {
			t.Fatal(err)
		}
		spool, _, err := (&kustomize{folder: dir}).build(t.Context(), newReporter(io.Discard))
		if err == nil {
			_ = spool.Close()
		}
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
		if os.Getenv("PATH") != path || http.DefaultTransport != transport {
			t.Errorf("%s: the environment is another one now", name)
		}
	}
}

// Where each of two bases names the next two, a few small files are read for ever.
func TestReadingEnds(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "kustomization.yaml")
	if err := os.WriteFile(file, []byte("kind: Kustomization\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := &seenFiles{FileSystem: filesys.MakeFsOnDisk()}
	for range maxBuildReads {
		if _, err := files.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := files.ReadFile(file); err == nil || files.refused() == nil || !strings.Contains(err.Error(), "more than 20000 files are read") {
			t.Fatalf("got %v, refused %v", err, files.refused())
		}
	}
}

// Patches and replacements multiply what is read, so that memory is what counts.
func TestBuildTakesTooMuchMemory(t *testing.T) {
	t.Parallel()
	ctx, stop := lightly(t.Context(), math.MaxInt64)
	if ctx.Err() != nil {
		t.Error("what takes little ends")
	}
	stop()
	ctx, stop = lightly(t.Context(), 1)
	defer stop()
	<-ctx.Done()
	if _, err := await(ctx, func() (any, error) { select {} }); !errors.Is(err, errHeavy) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsElsewhere(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]bool{
		"github.com/org/base": true, "github.com:org/base": true, "git@example.com:org/base": true, "https://example.com/x": true, "git::x": true, "../base?ref=main": true,
		"github.com-own": false, "../base": false, "app.yaml": false,
	} {
		if isElsewhere(entry) != want {
			t.Errorf("%s: not %t", entry, want)
		}
	}
	got := withoutSecrets(`get "https://u:pw@example.com/x.yaml?token=s3cret": git::ssh://git@example.com/x?ref=a '/work/http:/u:pw@example.com/y?t=s3cret': refused?`)
	if want := `get "https://example.com/x.yaml": git::ssh://example.com/x '/work/http:/example.com/y': refused?`; got != want {
		t.Errorf("got %s", got)
	}
}
