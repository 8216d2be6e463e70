package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mount is a folder as the kubelet mounts a ConfigMap: a new version is another folder that a link is swung to.
type mount struct {
	t   *testing.T
	dir string
}

func (m mount) path() string { return filepath.Join(m.dir, "policy.yaml") }

func (m mount) put(version, rules string) {
	m.t.Helper()
	steps := []error{
		os.Mkdir(filepath.Join(m.dir, version), 0o700),
		os.WriteFile(filepath.Join(m.dir, version, "policy.yaml"), []byte(header+rules), 0o600),
		os.Symlink(version, filepath.Join(m.dir, "next")),
		os.Rename(filepath.Join(m.dir, "next"), filepath.Join(m.dir, "..data")),
	}
	for _, err := range steps {
		if err != nil {
			m.t.Fatal(err)
		}
	}
}

func asIs(p *Policy) (*Policy, error) { return p, nil }

func permits(f *File[*Policy], namespace string) bool {
	_, err := f.Current().For(namespace, "ghcr.io/org/app")
	return err == nil
}

func TestFileChanges(t *testing.T) {
	t.Parallel()
	m := mount{t, t.TempDir()}
	if err := os.Symlink(filepath.Join("..data", "policy.yaml"), m.path()); err != nil {
		t.Fatal(err)
	}
	m.put("1", "rules: [{namespaces: [a]}]")
	var told []string
	changes := 0
	f, err := Open(m.path(), asIs, func(err error) {
		if err == nil {
			changes++
			return
		}
		told = append(told, err.Error())
	})
	if err != nil {
		t.Fatal(err)
	}
	if !permits(f, "a") || permits(f, "b") {
		t.Error("the first version does not count")
	}
	m.put("2", "rules: [{namespaces: [b]}]")
	if permits(f, "a") || !permits(f, "b") {
		t.Error("the second version does not count")
	}
	if changes != 1 {
		t.Errorf("told of %d changes", changes)
	}
	m.put("3", "rules: [{namespace: [a]}]")
	for range 3 {
		if permits(f, "a") || !permits(f, "b") {
			t.Error("a broken version is not ignored")
		}
	}
	if len(told) != 1 || !strings.Contains(told[0], m.path()) || !strings.Contains(told[0], "no field namespace in a rule") {
		t.Errorf("told %q", told)
	}
	if err := os.Remove(m.path()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if !permits(f, "b") {
			t.Error("without a file the last version does not count")
		}
	}
	if len(told) != 2 {
		t.Errorf("told %q", told)
	}
	if err := os.WriteFile(m.path(), []byte(header+"rules: [{namespaces: [a]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !permits(f, "a") || permits(f, "b") {
		t.Error("the file that is back does not count")
	}
}

func TestOpenRefusesWhatCannotBeUsed(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "none")
	if _, err := Open(missing, asIs, nil); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing file: %v", err)
	}
	broken := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(broken, []byte(header), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(broken, asIs, nil); err == nil || !strings.Contains(err.Error(), broken) {
		t.Errorf("a broken file: %v", err)
	}
}
