package main

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// fill gives the commands that fill the artifact, for a person or a pipeline to run. What files say is quoted in them.
func (s *formerSource) fill(t *ociTarget) []string {
	folder := strings.TrimLeft(notInTags.ReplaceAllString(s.name, "-"), "-")
	if s.kind == "Bucket" {
		return s.fillFromBucket(t, folder)
	}
	var steps []string
	if published(s.url) != "" {
		steps = append(steps, commandLine(s.clone(folder)...))
	} else {
		steps = append(steps, "# clone the repository into "+folder)
	}
	if s.commit != "" {
		steps = append(steps, commandLine("git", "-C", folder, "checkout", s.commit))
	}
	push := commandLine("kubectl", "oci", "push") + " " + s.pushedTo(t, folder) + commandLine("", "-f", folder)
	if source := published(s.url); source != "" {
		push += commandLine("", "--source="+source)
	}
	revision := "sha1:"
	if s.branch != "" {
		revision = s.branch + "@sha1:"
	}
	return append(steps, push+commandLine("", "--revision="+revision)+`"$(git -C `+folder+` rev-parse HEAD)"`)
}

func (s *formerSource) clone(folder string) []string {
	source := published(s.url)
	if u, err := url.Parse(s.url); err == nil && u.Scheme == "ssh" && u.User != nil {
		source = strings.Replace(source, "://", "://"+url.User(u.User.Username()).String()+"@", 1) // as whom, and no password
	}
	args := []string{"git", "clone"}
	switch {
	case s.commit != "":
	case s.tag != "":
		args = append(args, "--branch="+s.tag)
	case s.branch != "":
		args = append(args, "--branch="+s.branch)
	}
	if s.modules {
		args = append(args, "--recurse-submodules")
	}
	return append(args, "--", source, folder)
}

// pushedTo is the reference; where a range of versions is followed, with the last version in git as tag.
func (s *formerSource) pushedTo(t *ociTarget, folder string) string {
	if t.semver == "" {
		return commandLine(t.ref.Name() + ":" + t.tag)
	}
	return t.ref.Name() + `:"$(git -C ` + folder + ` describe --tags --abbrev=0)"`
}

func (s *formerSource) fillFromBucket(t *ociTarget, folder string) []string {
	push := []string{"kubectl", "oci", "push", t.ref.Name() + ":" + t.tag, "-f", folder}
	if source := published("https://" + path.Join(s.endpoint, s.bucket, s.prefix)); s.endpoint != "" && source != "" {
		push = append(push, "--source="+source)
	}
	return []string{"# copy the files of the bucket " + shown(path.Join(s.bucket, s.prefix)) + " into " + folder, commandLine(push...)}
}

var plainArgument = regexp.MustCompile(`^[-a-zA-Z0-9_./:=@%+]*$`)

// commandLine is a command as a shell reads it.
func commandLine(args ...string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		if quoted[i] = arg; !plainArgument.MatchString(arg) {
			quoted[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
