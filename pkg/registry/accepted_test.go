package registry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The first credential that is not refused is the one that was accepted, whatever the answer.
func TestAcceptedCredential(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		switch {
		case r.URL.Path == "/v2/" && user == "":
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path != "/v2/" && user == "good":
			w.WriteHeader(http.StatusNotFound)
		case r.URL.Path != "/v2/":
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(server.Close)
	ref := Reference{Registry: strings.TrimPrefix(server.URL, "http://"), Repository: "app"}
	for users, want := range map[string]int{"bad,good,bad2": 1, "good": 0, "bad": -1, "bad,bad2": -1} {
		var all []Credential
		for user := range strings.SplitSeq(users, ",") {
			all = append(all, Credential{Username: user, Password: "p"})
		}
		repo, err := NewClient(Options{}).Repository(ref, Access{Credentials: all})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := repo.Accepted(); ok {
			t.Errorf("%s: accepted before anything was asked", users)
		}
		_, _ = repo.Resolve(t.Context(), "latest")
		if got, ok := repo.Accepted(); got != want || ok != (want >= 0) {
			t.Errorf("%s: %d, %t, want %d", users, got, ok, want)
		}
	}
}

// Entries for other places are told, too, in the order in which they are tried.
func TestPullSecretEntries(t *testing.T) {
	t.Parallel()
	ref, err := Parse("ghcr.io/org/app")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := PullSecretEntries(secret(t, "ghcr.io", "quay.io", "*.io/org"), ref)
	var got []string
	for _, e := range entries {
		text := e.Key
		if e.Covers {
			text += " " + e.Credential.Username
		}
		got = append(got, text)
	}
	if diff := cmp.Diff([]string{"quay.io", "ghcr.io ghcr.io", "*.io/org *.io/org"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
