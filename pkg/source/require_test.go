package source

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

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
