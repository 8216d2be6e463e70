package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checkout is what git knows of a folder. The zero value: the folder is in no checkout, or git is not installed.
type checkout struct {
	source  string    // the remote's address as others may read it
	secret  bool      // there is a remote, but nothing that others may read of its address
	branch  string    // empty when HEAD is detached
	commit  string    // the last one that touched the folder
	time    time.Time // of that commit
	dirty   bool      // the folder differs from that commit, or holds files that git does not track
	shallow bool      // history is cut off: the commit may be later than the last one that touched the folder
}

// readCheckout asks git about the folder, or the file in its folder. Only what is at or below it counts: a commit elsewhere
// in a large repository changes nothing.
func readCheckout(ctx context.Context, path string, isDir bool) checkout {
	g := gitPath{dir: path, path: "."}
	if !isDir {
		g = gitPath{dir: filepath.Dir(path), path: filepath.Base(path)}
	}
	last, ok := g.run(ctx, "log", "-1", "--format=%H %ct", "--", g.path)
	commit, seconds, found := strings.Cut(last, " ")
	if !ok || !found {
		return checkout{}
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return checkout{}
	}
	changes, known := g.run(ctx, "status", "--porcelain", "--untracked-files=normal", "--", g.path)
	branch, _ := g.run(ctx, "branch", "--show-current")
	shallow, _ := g.run(ctx, "rev-parse", "--is-shallow-repository")
	source, found := g.remote(ctx)
	return checkout{
		source:  source,
		secret:  found && source == "",
		branch:  branch,
		commit:  commit,
		time:    time.Unix(unix, 0).UTC(),
		dirty:   !known || changes != "",
		shallow: shallow == "true",
	}
}

// revision is branch@sha1:hex, or sha1:hex where HEAD is detached. An uncommitted change has none.
func (c checkout) revision() string {
	if c.commit == "" || c.dirty {
		return ""
	}
	algorithm := "sha1"
	if len(c.commit) == 64 {
		algorithm = "sha256"
	}
	revision := algorithm + ":" + c.commit
	if c.branch != "" {
		revision = c.branch + "@" + revision
	}
	return revision
}

// created is the commit's time, or nothing when the folder is not what was committed.
func (c checkout) created() time.Time {
	if c.dirty {
		return time.Time{}
	}
	return c.time
}

// gitPath is a path seen from a folder that git can be run in.
type gitPath struct{ dir, path string }

// run gives what git prints. A monitor that the checkout's config names is not run, and nothing is written.
func (g gitPath) run(ctx context.Context, args ...string) (string, bool) {
	args = append([]string{"--no-optional-locks", "-C", g.dir, "-c", "core.fsmonitor=false"}, args...)
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	return strings.TrimSpace(string(out)), err == nil
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
