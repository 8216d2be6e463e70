package proxy_test

import (
	"net/http/httptest"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
)

func TestRouteOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]proxy.Route{
		"/v2":                              {Kind: proxy.Ping},
		"/v2/":                             {Kind: proxy.Ping},
		"/v2/_catalog":                     {Kind: proxy.Catalog},
		"/auth/token":                      {Kind: proxy.Token},
		"/v2/a/b/manifests/v1":             {Kind: proxy.Manifest, Repository: "a/b", Reference: "v1"},
		"/v2/a/blobs/sha256:00":            {Kind: proxy.Blob, Repository: "a", Reference: "sha256:00"},
		"/v2/a/blobs/uploads/":             {Kind: proxy.Upload, Repository: "a"},
		"/v2/a/blobs/uploads/123":          {Kind: proxy.Upload, Repository: "a", Reference: "123"},
		"/v2/a/tags/list":                  {Kind: proxy.Tags, Repository: "a"},
		"/v2/a/referrers/sha256:00":        {Kind: proxy.Referrers, Repository: "a", Reference: "sha256:00"},
		"/v2/a/blobs/b/manifests/latest":   {Kind: proxy.Manifest, Repository: "a/blobs/b", Reference: "latest"},
		"/v2/a/manifests/b/blobs/uploads/": {Kind: proxy.Upload, Repository: "a/manifests/b"},
		"/":                                {Kind: proxy.Other},
		"/v2/a":                            {Kind: proxy.Other},
	} {
		if got := proxy.RouteOf(httptest.NewRequest("GET", path, nil)); got != want {
			t.Errorf("%s: got %+v, want %+v", path, got, want)
		}
	}
}
