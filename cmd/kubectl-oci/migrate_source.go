package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/edit"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// formerSource is a GitRepository or Bucket, as far as it is written, before it is rewritten.
type formerSource struct {
	kind, namespace, name string

	url      string // of a GitRepository
	branch   string
	tag      string
	semver   string
	commit   string
	endpoint string // of a Bucket
	bucket   string
	prefix   string
	secret   string
	paths    []string // sparse checkout
	modules  bool
}

// learn adds what one document says of it: a patch may hold the rest.
func (s *formerSource) learn(o *writtenObject) {
	spec := o.Field("spec")
	ref := spec.Field("ref")
	name := ref.Field("name").String()
	for into, text := range map[*string]string{
		&s.namespace: o.Namespace, &s.url: spec.Field("url").String(), &s.semver: ref.Field("semver").String(),
		&s.branch: first(strings.TrimPrefix(name, "refs/heads/"), name, ref.Field("branch").String()),
		&s.tag:    first(strings.TrimPrefix(name, "refs/tags/"), name, ref.Field("tag").String()),
		&s.commit: ref.Field("commit").String(), &s.endpoint: spec.Field("endpoint").String(),
		&s.bucket: spec.Field("bucketName").String(), &s.prefix: spec.Field("prefix").String(),
		&s.secret: spec.Field("secretRef", "name").String(),
	} {
		if text != "" {
			*into = text
		}
	}
	for _, item := range spec.Field("sparseCheckout").Items() {
		s.paths = append(s.paths, item.String())
	}
	s.modules = s.modules || spec.Field("recurseSubmodules").String() == "true"
}

// first gives what is left of a name without its prefix, or else what is written elsewhere.
func first(rest, name, otherwise string) string {
	if rest != name {
		return rest
	}
	return otherwise
}

// Takes the place of what no tag can hold.
var notInTags = regexp.MustCompile(`[^a-zA-Z0-9_.-]+`)

// defaultTag is the tag to push to and to follow where none was typed.
func (s *formerSource) defaultTag() string {
	for _, text := range []string{s.tag, s.branch} {
		tag := strings.TrimLeft(notInTags.ReplaceAllString(text, "-"), ".-")
		if registry.ValidateTag(tag) == nil {
			return tag
		}
	}
	return "latest"
}

// String is as kubectl writes it.
func (s *formerSource) String() string { return shown(strings.TrimPrefix(s.kind+"/"+s.name, "/")) }

// target is the OCIRepository that takes the place of a former source.
type ociTarget struct {
	ref    registry.Reference
	tag    string
	semver string // empty: the tag is followed
	secret string // empty: none
	cosign string // Secret with public keys; empty: nothing is verified
}

// refRows are the fields of spec.ref.
func (t *ociTarget) refRows() string {
	if t.semver != "" {
		return fmt.Sprintf("ref:\n  semver: %q\n", t.semver)
	}
	return "ref:\n  tag: " + asYAML(t.tag) + "\n"
}

var plainName = regexp.MustCompile(`^(v[0-9][-._a-zA-Z0-9]*|[a-z][-.a-z0-9]*[a-z0-9])$`)

// asYAML writes the name of an object or a tag, in quotes where a reader of YAML could take it for anything else.
func asYAML(name string) string {
	switch name {
	case "true", "false", "null", "yes", "no", "on", "off":
	default:
		if plainName.MatchString(name) {
			return name
		}
	}
	return strconv.Quote(name)
}

func nameRows(field, name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%s:\n  name: %s\n", field, asYAML(name))
}

func (t *ociTarget) verifyRows() string {
	if t.cosign == "" {
		return ""
	}
	return fmt.Sprintf("verify:\n  provider: cosign\n  secretRef:\n    name: %s\n", asYAML(t.cosign))
}

// conversion rewrites one document, until a step fails.
type conversion struct {
	*writtenObject
	*ociTarget
	warnings []string
	err      error
}

// isKept knows the fields that a GitRepository or Bucket shares with an OCIRepository, in the same meaning.
func isKept(name string) bool {
	return slices.Contains([]string{"interval", "timeout", "ignore", "suspend", "proxySecretRef"}, name)
}

// rewrite makes the document an OCIRepository.
func (c *conversion) rewrite() error {
	c.try(c.Field("apiVersion"), func(v edit.Value) error { return v.Set(groupSource + "/v1") })
	c.try(c.Field("kind"), func(v edit.Value) error { return v.Set("OCIRepository") })
	c.try(c.Field("status"), func(v edit.Value) error { return v.Replace("") })
	spec := c.Field("spec")
	before := spec.Names()
	written := c.address(spec)
	for _, name := range before {
		if !isKept(name) && name != "url" && name != written {
			c.field(spec.Field(name), name)
		}
	}
	if c.err != nil {
		return c.at(spec, fmt.Errorf("rewrite %s: %w", c.ID, c.err))
	}
	return nil
}

func (c *conversion) try(v edit.Value, do func(edit.Value) error) {
	if c.err == nil && v.Exists() {
		if err := do(v); err != nil {
			c.err = fmt.Errorf("line %d: %w", v.Line(), err)
		}
	}
}

// address writes spec.url, and what has no place yet beside it. It gives the field that the url took the place of.
func (c *conversion) address(spec edit.Value) (written string) {
	rows := ""
	if !spec.Field("ref").Exists() {
		rows += c.refRows()
	}
	if !spec.Field("secretRef").Exists() {
		rows += nameRows("secretRef", c.secret)
	}
	if !spec.Field("verify").Exists() {
		rows += c.verifyRows()
	}
	url := registry.Scheme + c.ref.Name()
	if at := spec.Field("url"); at.Exists() {
		c.try(at, func(v edit.Value) error { return v.Set(url) })
		if rows != "" {
			c.try(at, func(v edit.Value) error { return v.Append(rows) })
		}
		return "url"
	}
	c.try(spec.Field("bucketName"), func(v edit.Value) error { return v.Replace("url: " + url + "\n" + rows) })
	return "bucketName"
}

// field rewrites one field that means something else, or nothing, to an OCIRepository.
func (c *conversion) field(v edit.Value, name string) {
	rows := ""
	switch name {
	case "ref":
		rows = c.refRows()
	case "secretRef":
		rows = nameRows("secretRef", c.secret)
		if c.secret == "" {
			c.warn("Secret %q logs in elsewhere and is not named any more; where the registry asks for a login, make a Secret of type "+
				"kubernetes.io/dockerconfigjson (kubectl create secret docker-registry NAME …) and give it to --secret", v.Field("name"))
		}
	case "verify":
		rows = c.verifyRows()
		if c.cosign == "" {
			c.warn("signatures of commits were verified, and cannot be of an artifact: sign it (kubectl oci push --sign), put the public key into " +
				"a Secret, and give that to --cosign-secret; until then nothing is verified")
		}
	default:
		if text := lostWith(name); text != "" {
			c.warn("spec.%s %s", name, text)
		}
	}
	c.try(v, func(v edit.Value) error { return v.Replace(rows) })
}

// lostWith says what is lost with a field; empty where that does not matter.
func lostWith(name string) string {
	switch name {
	case "include":
		return "brought in other repositories: the pushed folder has to hold their files"
	case "provider":
		return "was about the login elsewhere: set it to aws, azure or gcp where the registry is that cloud's"
	case "serviceAccountName":
		return "was about the login elsewhere: set it where its imagePullSecrets, or its identity, open the registry"
	case "certSecretRef":
		return "was about another server: set it where the registry's certificate needs one"
	case "insecure":
		return "was about another server: set it where the registry speaks plain HTTP"
	case "recurseSubmodules":
		return "brought in submodules: check them out before the push"
	case "sparseCheckout":
		return "left out folders: push only those, or leave the rest out with spec.ignore"
	}
	return ""
}

func (c *conversion) warn(format string, args ...any) {
	c.warnings = append(c.warnings, c.at(c.Value, errors.New(c.ID.String()+": "+fmt.Sprintf(format, args...))).Error())
}
