package store

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

const (
	kind   = "ocirepository"
	suffix = ".tar.gz"
	latest = "latest"
)

// Key names the object that entries belong to.
type Key struct{ Namespace, Name string }

// Entry says that an object may read the bytes of a digest.
type Entry struct {
	Key      Key
	Digest   digest.Digest // of the bytes, sha256
	Size     int64         // bytes
	Modified time.Time     // when the entry last became the object's latest, UTC
}

// String returns namespace/name.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Path returns the slash-separated path under which the object's bytes of this digest are known: in the store, in a URL, and in
// the object's status.
func (k Key) Path(d digest.Digest) string { return k.folder() + "/" + string(d) + suffix }

// LatestPath returns the path under which the object's latest bytes are known.
func (k Key) LatestPath() string { return k.folder() + "/" + latest + suffix }

// Path returns the path of the entry, see [Key.Path].
func (e Entry) Path() string { return e.Key.Path(e.Digest) }

// ParsePath reads what [Key.Path] or [Key.LatestPath] wrote, and no other spelling of it. The digest is empty for the latest.
func ParsePath(path string) (Key, digest.Digest, error) {
	parts := strings.SplitN(path, "/", 5)
	if len(parts) != 4 || parts[0] != kind {
		return Key{}, "", fmt.Errorf("parse path %q: not %s/<namespace>/<name>/<digest>%s", path, kind, suffix)
	}
	key := Key{Namespace: parts[1], Name: parts[2]}
	if err := key.validate(); err != nil {
		return Key{}, "", fmt.Errorf("parse path %q: %w", path, err)
	}
	base, found := strings.CutSuffix(parts[3], suffix)
	if found && base == latest {
		return key, "", nil
	}
	if !found || !sha256Digest.MatchString(base) {
		return Key{}, "", fmt.Errorf("parse path %q: %q is no sha256 digest with %s after it", path, parts[3], suffix)
	}
	return key, digest.Digest(base), nil
}

// The names that Kubernetes allows for a namespace (RFC 1123 label) and for a custom resource (RFC 1123 subdomain). Neither holds
// a separator, and neither can be "." or "..".
var (
	label        = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	subdomain    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	sha256Digest = regexp.MustCompile(`^sha256:[a-f0-9]{64}$`)
)

func (k Key) validate() error {
	if len(k.Namespace) > 63 || !label.MatchString(k.Namespace) {
		return fmt.Errorf("%q is no name of a namespace", k.Namespace)
	}
	if len(k.Name) > 253 || !subdomain.MatchString(k.Name) {
		return fmt.Errorf("%q is no name of an object", k.Name)
	}
	return nil
}

func (k Key) folder() string { return kind + "/" + k.Namespace + "/" + k.Name }
