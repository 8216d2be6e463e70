package proxy

import (
	"net/http"
	"strings"
)

// Kind names what a request is for.
type Kind string

// The kinds of requests to a registry.
const (
	Ping      Kind = "ping"
	Manifest  Kind = "manifest"
	Blob      Kind = "blob"
	Upload    Kind = "upload"
	Tags      Kind = "tags"
	Referrers Kind = "referrers"
	Catalog   Kind = "catalog"
	Token     Kind = "token"
	Other     Kind = "other"
)

// TokenPath is where a registry behind a proxy issues its tokens.
const TokenPath = "/auth/token" //nolint:gosec // a path

// Route is what the path of a request says.
type Route struct {
	Kind       Kind
	Repository string // empty where the path names none
	Reference  string // tag or digest of a manifest, digest of a blob
}

// RouteOf reads the path of a request as the distribution specification has it.
func RouteOf(r *http.Request) Route {
	if r.URL.Path == TokenPath {
		return Route{Kind: Token}
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/v2")
	switch {
	case !ok:
		return Route{Kind: Other}
	case rest == "" || rest == "/":
		return Route{Kind: Ping}
	case rest == "/_catalog":
		return Route{Kind: Catalog}
	}
	return repositoryRoute(strings.TrimPrefix(rest, "/"))
}

// repositoryRoute cuts at the last marker, since a repository may have a component like "blobs" itself.
func repositoryRoute(path string) Route {
	if repository, ok := strings.CutSuffix(path, "/tags/list"); ok {
		return Route{Kind: Tags, Repository: repository}
	}
	found, at := Route{Kind: Other}, -1
	for _, m := range []struct {
		kind   Kind
		marker string
	}{{Upload, "/blobs/uploads/"}, {Blob, "/blobs/"}, {Manifest, "/manifests/"}, {Referrers, "/referrers/"}} {
		if i := strings.LastIndex(path, m.marker); i > at {
			at = i
			found = Route{Kind: m.kind, Repository: path[:i], Reference: path[i+len(m.marker):]}
		}
	}
	return found
}
