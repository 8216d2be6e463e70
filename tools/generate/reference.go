package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// reference is the folder with a page for each command of the plugin, and nothing else.
const reference = "docs/cli"

// writeReference writes it anew: pages of commands that are gone go.
func writeReference() error {
	if err := os.RemoveAll(reference); err != nil {
		return err
	}
	if err := os.MkdirAll(reference, 0o755); err != nil {
		return err
	}
	return describe(reference)
}

// describe has the plugin write its pages: who writes them must be the commands themselves.
func describe(folder string) error {
	cmd := exec.CommandContext(context.Background(), "go", "run", "./cmd/kubectl-oci", "reference", folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("describe the commands: %w\n%s", err, out)
	}
	return nil
}

// checkReference holds the pages against those that the plugin writes now.
func checkReference() error {
	fresh, err := os.MkdirTemp("", "reference-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	if err := describe(fresh); err != nil {
		return err
	}
	return errors.Join(covers(fresh, reference, "is not up to date"), covers(reference, fresh, "is of no command"))
}

// covers tells whether each file of a folder is the same in another.
func covers(folder, other, trouble string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var problems []error
	for _, entry := range entries {
		want, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return err
		}
		if got, err := os.ReadFile(filepath.Join(other, entry.Name())); err != nil || !bytes.Equal(got, want) {
			problems = append(problems, fmt.Errorf("%s %s: run make generate", filepath.Join(reference, entry.Name()), trouble))
		}
	}
	return errors.Join(problems...)
}
