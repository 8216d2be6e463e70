package source

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// All requirements must be satisfied. One that definitely is not counts more than one of which that is not known.
func TestAllRequirements(t *testing.T) {
	t.Parallel()
	s := newSigning(t)
	where, err := signature.ParseExpression("predicate.passed == true")
	if err != nil {
		t.Fatal(err)
	}
	attest := func(predicate string) {
		t.Helper()
		if _, err := s.me.signer.Attest(t.Context(), s.repository(), s.v1, "t:1", json.RawMessage(predicate), signature.AttachOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	signed := signature.Requirement{Name: "spec.verify", By: mine(s)}
	attested := signature.Requirement{Name: "rule 1", By: mine(s), Type: "t:1", Where: where}
	others := signature.Requirement{Name: "rule 2", By: yours(s)}
	run := func(all ...signature.Requirement) *Error {
		_, failure := s.tag("v1", Advertised{}, nil, func(r *Request) { r.Requirements = all })
		return failure
	}
	says := func(failure *Error, text string) {
		t.Helper()
		if failure == nil || failure.Unknown || !strings.Contains(failure.Error(), text) {
			t.Errorf("got %+v, want %q", failure, text)
		}
	}
	says(run(signed, attested), `for rule 1: no attestation of type "t:1"`)
	attest(`{"passed": false}`)
	says(run(signed, attested), "for rule 1: attestation sha256:")
	attest(`{"passed": true}`)
	if failure := run(signed, attested); failure != nil {
		t.Error(failure)
	}
	says(run(signed, attested, others), "for rule 2: signature sha256:")
	says(run(others, signed, attested), "for rule 2: signature sha256:")
	s.status.Store(http.StatusServiceUnavailable)
	if failure := run(others); failure == nil || failure.Withdraws {
		t.Errorf("got %+v", failure)
	}
}

// Evidence that does not come takes no other requirement's time: what that one definitely lacks is found out.
func TestEachRequirementHasItsTime(t *testing.T) {
	t.Parallel()
	s := newSigning(t)
	attested, err := s.me.signer.Attest(t.Context(), s.repository(), s.v1, "t:1", json.RawMessage(`{}`), signature.AttachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	slow := signature.Requirement{Name: "rule 1", By: mine(s), Type: "t:1"}
	s.ref.Registry = stalling(t, s.ref.Registry, attested)
	a := after(s.must("v1", Advertised{}, mine(s)))
	s.patience = 5 * time.Second
	_, failure := s.tag("v1", a, nil, func(r *Request) { r.Requirements = append([]signature.Requirement{slow}, require(yours(s))...) })
	refused(t, failure, true, "another key")
}

// stalling is a registry from which the manifest d never comes.
func stalling(t *testing.T, host string, d digest.Digest) string {
	t.Helper()
	next := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/manifests/"+d.String()) {
			<-r.Context().Done()
			return
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}
