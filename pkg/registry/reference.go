package registry

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/opencontainers/go-digest"
)

// Scheme is the optional prefix of a reference, and what everything this project writes starts with.
const Scheme = "oci://"

// Reference is what a person writes to name an artifact: a repository, and in it a tag, a digest, both or neither.
// No tag is ever invented.
type Reference struct {
	Registry   string        // host[:port], as written
	Repository string        // path in the registry
	Tag        string        // empty when none is written
	Digest     digest.Digest // empty when none is written; wins over Tag
}

// Parse reads [oci://]host[:port]/repository[:tag][@digest].
func Parse(s string) (Reference, error) {
	if strings.Contains(s[:strings.LastIndexByte(s, '/')+1], "@") {
		return Reference{}, errors.New("parse reference: it holds a user before an @: credentials do not belong there")
	}
	ref, err := parse(strings.TrimPrefix(s, Scheme))
	if err != nil {
		return Reference{}, fmt.Errorf("parse reference %q: %w", s, err)
	}
	return ref, nil
}

func parse(s string) (Reference, error) {
	if scheme, _, ok := strings.Cut(s, "://"); ok {
		return Reference{}, fmt.Errorf("%s:// is no scheme of a reference: write %s or nothing in its place", scheme, Scheme)
	}
	var ref Reference
	rest, dgst, hasDigest := strings.Cut(s, "@")
	if hasDigest {
		ref.Digest = digest.Digest(dgst)
		if err := ref.Digest.Validate(); err != nil || ref.Digest.Algorithm() != digest.SHA256 {
			return Reference{}, fmt.Errorf("digest %q is not sha256: and 64 hex digits", dgst)
		}
	}
	host, path, ok := strings.Cut(rest, "/")
	switch {
	case !ok:
		return Reference{}, errors.New("not a host and a repository, as in docker.io/org/app-config:v1.0.0")
	case strings.HasPrefix(host, "."):
		return Reference{}, fmt.Errorf("it is a path: begin with the registry's host, as in %s/org/app-config:v1.0.0", DockerHub)
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		return Reference{}, fmt.Errorf("no registry in it: write the host too, as in %s/%s", DockerHub, strings.TrimLeft(s, "/"))
	}
	ref.Registry = host
	ref.Repository = path
	if i := strings.LastIndexByte(path, ':'); i >= 0 {
		ref.Repository, ref.Tag = path[:i], path[i+1:]
		if ref.Tag == "" {
			return Reference{}, fmt.Errorf("the tag after %q is empty", ":")
		}
	}
	return ref, ref.validate()
}

// The grammar of the OCI distribution specification, section "Pulling manifests".
var (
	repositoryPattern = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagPattern        = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]*$`)
)

const maxTag = 128 // characters

func (r Reference) validate() error {
	if !repositoryPattern.MatchString(r.Repository) {
		return fmt.Errorf("repository %q is not lower-case letters and digits, with single '.', '_', '-' or '/' between them", r.Repository)
	}
	if r.Tag != "" {
		if err := ValidateTag(r.Tag); err != nil {
			return err
		}
	}
	if _, err := name.NewRegistry(r.Registry, name.StrictValidation); err != nil {
		return fmt.Errorf("registry %q is not a host or host:port", r.Registry)
	}
	if hubName(r.Registry) == DockerHub && !strings.Contains(r.Repository, "/") {
		return fmt.Errorf("repository %q has no owner, as in %s/org/%s", r.Repository, DockerHub, r.Repository)
	}
	_, err := r.repository()
	return err
}

func (r Reference) repository() (name.Repository, error) {
	return name.NewRepository(r.Name(), name.StrictValidation)
}

// ValidateTag says what is wrong with a tag. Nothing else may become part of a request's path.
func ValidateTag(tag string) error {
	if len(tag) > maxTag || !tagPattern.MatchString(tag) {
		return fmt.Errorf("tag %q is not 1 to 128 letters, digits, '_', '.' or '-', the first of them neither '.' nor '-'", tag)
	}
	return nil
}

// Name is the repository's full name, without tag, digest and scheme: host/repository.
func (r Reference) Name() string { return r.Registry + "/" + r.Repository }

// SameRepository tells whether both are about one repository, whatever Docker Hub is called.
func (r Reference) SameRepository(o Reference) bool {
	return hubName(r.Registry) == hubName(o.Registry) && r.Repository == o.Repository
}

// String is the reference as it was written, without scheme.
func (r Reference) String() string {
	s := r.Name()
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest.String()
	}
	return s
}

// At is the same repository at one digest, with no tag left.
func (r Reference) At(d digest.Digest) Reference {
	return Reference{Registry: r.Registry, Repository: r.Repository, Digest: d}
}
