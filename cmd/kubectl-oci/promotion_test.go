package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// namingRegistry has a repository org/app whose tag stable names a digest; none, where that is empty.
func namingRegistry(t *testing.T, now digest.Digest) *registry.Repository {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("HEAD /v2/org/app/manifests/stable", func(w http.ResponseWriter, _ *http.Request) {
		if now == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", artifact.ManifestOCI)
		w.Header().Set("Docker-Content-Digest", now.String())
		w.Header().Set("Content-Length", "2")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	ref, err := registry.Parse(strings.TrimPrefix(server.URL, "http://") + "/org/app")
	if err != nil {
		t.Fatal(err)
	}
	repo, err := newClient(newReporter(io.Discard)).Repository(ref, registry.Access{})
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// A tag that somebody else moves while the artifact is copied is not moved from there, forwards or backwards.
func TestTagMovedMeanwhile(t *testing.T) {
	t.Parallel()
	before, wanted, other := digest.FromString("before"), digest.FromString("wanted"), digest.FromString("other")
	for name, test := range map[string]struct {
		old, now digest.Digest
		want     string
	}{
		"as it was":                   {before, before, ""},
		"still not there":             {"", "", ""},
		"somebody promotes the same":  {before, wanted, ""},
		"somebody promotes another":   {before, other, "somebody else was faster: tag"},
		"somebody else made it":       {"", other, "somebody else was faster: tag"},
		"somebody else took it away":  {before, "", "is gone"},
		"somebody else made the same": {"", wanted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &promoteOptions{}
			err := o.unmoved(t.Context(), namingRegistry(t, test.now), []move{{tag: "stable", old: test.old, new: wanted}})
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
