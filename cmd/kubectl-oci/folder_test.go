package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestEmptyFolderIsReplacedInOneStep(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "empty")
	if err := os.Mkdir(path, 0o750); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	target, err := prepare(path, false)
	if err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(target.partial, "tree")
	if err := os.MkdirAll(filepath.Join(tree, "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(path); err != nil || len(entries) > 0 {
		t.Errorf("before the tree is whole the folder holds %v (%v)", entries, err)
	}
	if err := target.place(tree); err != nil {
		t.Fatal(err)
	}
	target.abort()
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if os.SameFile(before, after) || after.Mode() != before.Mode() {
		t.Errorf("folder is the old one: %v, mode %v, want a new one of mode %v", os.SameFile(before, after), after.Mode(), before.Mode())
	}
	if _, err := os.Stat(filepath.Join(path, "base")); err != nil {
		t.Error(err)
	}
}
