package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// gitPath is a path seen from a folder that git can be run in.
type gitPath struct{ dir, path string }

// newGitPath follows a link to a file: its commit says nothing of what it points to.
func newGitPath(path string, isDir bool) (gitPath, error) {
	if isDir {
		return gitPath{dir: path, path: "."}, nil
	}
	path, err := filepath.EvalSymlinks(path)
	return gitPath{dir: filepath.Dir(path), path: filepath.Base(path)}, err
}

// run gives what git prints; an error is git's own message. Neither what the user's set-up adds to the output nor a repository
// that the environment names counts. A monitor that the checkout's config names is not run, and nothing is written.
func (g gitPath) run(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"--no-optional-locks", "--literal-pathspecs", "-C", g.dir, "-c", "core.fsmonitor=false"}, args...)
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), namesRepository), "LC_ALL=C")
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = errors.New(firstLine(string(failed.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}

// namesRepository tells whether an environment's variable takes git elsewhere than the folder; git's own hooks set some.
func namesRepository(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"}, name)
}

// firstLine of git's message is what is wrong. One that holds a URL is not repeated: a password may be in it.
func firstLine(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	if strings.Contains(line, "://") {
		return "it fails"
	}
	return strings.TrimPrefix(line, "fatal: ")
}

// unlessNone is err, but nothing where git is not installed, or knows of no checkout, or of no commit, about which it is silent.
func unlessNone(err error) error {
	if errors.Is(err, exec.ErrNotFound) || err.Error() == "" || strings.HasPrefix(err.Error(), "not a git repository (or any") {
		return nil
	}
	return err
}

// remote is the published address of origin, or of the first remote there is, and whether there is one at all.
func (g gitPath) remote(ctx context.Context) (address string, found bool) {
	all, _ := g.run(ctx, "remote")
	names := strings.Fields(all)
	if len(names) == 0 {
		return "", false
	}
	name := names[0]
	if slices.Contains(names, "origin") {
		name = "origin"
	}
	address, _ = g.run(ctx, "remote", "get-url", name)
	return published(address), address != ""
}
