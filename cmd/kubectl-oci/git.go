package main

import (
	"context"
	"path"
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
	changed bool      // what git tracks in the folder differs from that commit
	extra   string    // a packed file that git does not track; empty: none
	shallow bool      // history is cut off: the commit may be later than the last one that touched the folder
}

// readCheckout asks git about the folder, or the file in its folder, that was packed but for what was skipped. Only what is at
// or below it counts: a commit elsewhere in a large repository changes nothing. An error is git's own message.
func readCheckout(ctx context.Context, name string, isDir bool, skipped []string) (checkout, error) {
	g, err := newGitPath(name, isDir)
	if err != nil {
		return checkout{}, err
	}
	if _, err := g.run(ctx, "rev-parse", "--verify", "--quiet", "HEAD"); err != nil {
		return checkout{}, unlessNone(err)
	}
	last, err := g.run(ctx, "rev-list", "-1", "--timestamp", "HEAD", "--", g.path)
	if last == "" {
		return checkout{}, err
	}
	seconds, commit, _ := strings.Cut(last, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return checkout{}, err
	}
	changes, err := g.run(ctx, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=none", "--", g.path)
	if err != nil {
		return checkout{}, err
	}
	untracked, err := g.run(ctx, "ls-files", "--others", "-z", "--", g.path)
	if err != nil {
		return checkout{}, err
	}
	branch, _ := g.run(ctx, "symbolic-ref", "--quiet", "--short", "HEAD")
	shallow, _ := g.run(ctx, "rev-parse", "--is-shallow-repository")
	source, found := g.remote(ctx)
	return checkout{
		source:  source,
		secret:  found && source == "",
		branch:  branch,
		commit:  commit,
		time:    time.Unix(unix, 0).UTC(),
		changed: changes != "",
		extra:   firstPacked(strings.Split(untracked, "\x00"), skipped),
		shallow: shallow == "true",
	}, nil
}

// firstPacked is the first of the paths that is not among the skipped, where a folder stands for all below it; empty: none.
func firstPacked(paths, skipped []string) string {
	left := map[string]bool{}
	for _, name := range skipped {
		left[name] = true
	}
	for _, name := range paths {
		out := left[name]
		for dir := path.Dir(name); dir != "." && !out; dir = path.Dir(dir) {
			out = left[dir+"/"]
		}
		if !out {
			return name
		}
	}
	return ""
}

func (c checkout) dirty() bool { return c.changed || c.extra != "" }

// revision is branch@sha1:hex, or sha1:hex where HEAD is detached. An uncommitted change has none.
func (c checkout) revision() string {
	if c.commit == "" || c.dirty() {
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
	if c.dirty() {
		return time.Time{}
	}
	return c.time
}
