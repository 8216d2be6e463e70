package registry

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config"
)

// PullSecret gives the credentials for ref in data, the .dockerconfigjson of a Kubernetes Secret, in the order in which to
// try them: the kubelet's (host globs per DNS label, equal ports, a prefix of the path, keys in reverse lexical order), except
// that a path matches whole segments only. No match is no error: the result is empty.
func PullSecret(data []byte, ref Reference) ([]Credential, error) {
	entries, err := PullSecretEntries(data, ref)
	var found []Credential
	for _, e := range entries {
		if e.Covers {
			found = append(found, e.Credential)
		}
	}
	return found, err
}

// PullSecretEntry is an entry of a pull secret.
type PullSecretEntry struct {
	Key        string // as it is written there
	Covers     bool   // it is for the reference
	Credential Credential
}

// PullSecretEntries is [PullSecret] with the entries that are for other places; those without a credential are left out.
func PullSecretEntries(data []byte, ref Reference) ([]PullSecretEntry, error) {
	file, err := config.LoadFromReader(bytes.NewReader(data))
	if err != nil {
		// The cause may quote the secret.
		return nil, errors.New(`read pull secret: it is not of the form {"auths":{"HOST":{"auth":"…"}}}`)
	}
	type target struct{ place, key string }
	var targets []target
	for _, key := range slices.Sorted(maps.Keys(file.AuthConfigs)) {
		if place, err := secretPlace(key); err == nil { // the kubelet passes over the others, too
			targets = append(targets, target{place, key})
		}
	}
	slices.SortStableFunc(targets, func(a, b target) int { return strings.Compare(a.place, b.place) })
	var found []PullSecretEntry
	for _, target := range slices.Backward(targets) {
		place, auth := target.place, file.AuthConfigs[target.key]
		c := Credential{
			Username:      auth.Username,
			Password:      auth.Password,
			IdentityToken: auth.IdentityToken,
			RegistryToken: auth.RegistryToken,
		}
		if c != (Credential{}) {
			found = append(found, PullSecretEntry{target.key, placeCovers(place, ref), c})
		}
	}
	return found, nil
}

// secretPlace is the host[:port][/path] that a key of a pull secret stands for.
func secretPlace(key string) (string, error) {
	if !strings.Contains(key, "://") {
		key = "https://" + key
	}
	u, err := url.Parse(key)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("parse key %q: no host", key)
	}
	p := "/" + strings.Trim(u.Path, "/") + "/"
	for _, version := range []string{"/v1/", "/v2/"} {
		if rest, ok := strings.CutPrefix(p, version); ok {
			p = "/" + rest
		}
	}
	return hubName(u.Host) + strings.TrimRight(p, "/"), nil
}

// placeCovers tells whether ref lies at place or below it.
func placeCovers(place string, ref Reference) bool {
	host, prefix, _ := strings.Cut(place, "/")
	if prefix != "" && ref.Repository != prefix && !strings.HasPrefix(ref.Repository, prefix+"/") {
		return false
	}
	name, port := splitPort(host)
	wantName, wantPort := splitPort(hubName(ref.Registry))
	if port != wantPort {
		return false
	}
	labels, want := strings.Split(name, "."), strings.Split(wantName, ".")
	return slices.EqualFunc(labels, want, func(glob, label string) bool {
		ok, err := path.Match(glob, label)
		return ok && err == nil
	})
}

// hubName gives Docker Hub one name.
func hubName(host string) string {
	if host == dockerHubAlias {
		return DockerHub
	}
	return host
}

func splitPort(host string) (name, port string) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return host, ""
	}
	return name, port
}
