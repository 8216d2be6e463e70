// Package build compiles the project's programs for any platform, the same bytes whoever does it: the tree, the version and the release of
// Go decide, and no variable of the environment, path, clock or user does.
//
// ReadOrigin finds what is built, and [Origin.Compile] builds it. A tree that is not what a commit says has neither revision nor date.
package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Source is where the project's code is.
const Source = "https://github.com/kubectl-oci/kubectl-oci"

// Origin says from what a program is built.
type Origin struct {
	Root     string    // folder of the module
	Version  string    // what the programs say that they are
	Revision string    // commit, 40 hexadecimal digits; empty where the tree is not what git has
	Created  time.Time // of the commit, or SOURCE_DATE_EPOCH; the Unix epoch where neither is known; UTC, whole seconds
}

// ReadOrigin asks git about the tree at root. SOURCE_DATE_EPOCH wins over the commit's time.
func ReadOrigin(ctx context.Context, root, version string) (Origin, error) {
	o := Origin{Root: root, Version: version, Created: time.Unix(0, 0).UTC()}
	commit, seconds, err := head(ctx, root)
	if err != nil {
		return o, err
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds = epoch
	}
	o.Revision = commit
	if seconds == "" {
		return o, nil
	}
	unix, err := strconv.ParseUint(seconds, 10, 35) // up to the year 3058
	if err != nil {
		return o, fmt.Errorf("read SOURCE_DATE_EPOCH %q: not a number of seconds since 1970", seconds)
	}
	o.Created = time.Unix(int64(unix), 0).UTC()
	return o, nil
}

// head gives the last commit and its time, both empty where the tree has changed since, or is no checkout.
func head(ctx context.Context, root string) (commit, seconds string, err error) {
	if _, err := os.Stat(root + "/.git"); err != nil {
		return "", "", nil //nolint:nilerr // a source archive has no history
	}
	changes, err := git(ctx, root, "status", "--porcelain")
	if err != nil || changes != "" {
		return "", "", err
	}
	text, err := git(ctx, root, "log", "-1", "--format=%H %ct")
	if err != nil {
		return "", "", err
	}
	commit, seconds, _ = strings.Cut(text, " ")
	return commit, seconds, nil
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
