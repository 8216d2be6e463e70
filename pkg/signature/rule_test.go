package signature

import (
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
)

// An administrator's patterns match the whole, for signatures and attestations: who has a longer name is somebody else.
func TestRequiredIsAnchored(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		issuer, subject string
		good            bool
	}{
		"whole":           {issuer, alice, true},
		"a part":          {issuer, "alice@example", false},
		"the issuer's":    {"accounts.example.com", alice, false},
		"one of several":  {issuer, "lice|" + alice, true},
		"parts of either": {issuer, "alice|example.com", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, true, "referrer", nil)
			b.sign(b.right, b.subject)
			b.attest(b.right, predicateProvenance, `{}`)
			all, err := Required("rule 1", &policy.Verify{
				Signers:      policy.Signers{Identities: []policy.Identity{{Issuer: tc.issuer, Subject: tc.subject}}, TrustedRoot: string(b.private.root)},
				Attestations: []policy.Attestation{{Type: predicateProvenance}},
			})
			if err != nil || len(all) != 2 {
				t.Fatalf("%d requirements, %v", len(all), err)
			}
			for _, r := range all {
				kind := KindWrongIdentity
				if tc.good {
					kind = 0
				}
				_, err := b.satisfies(r)
				checkKind(t, err, kind, `by "alice@example.com"`)
			}
		})
	}
}

// Everything that a rule says about notation counts.
func TestRequiredByNotation(t *testing.T) {
	t.Parallel()
	a := newAcme(t)
	list := a.list(time.Now(), ago(-1))
	all, err := Required("rule 1", &policy.Verify{Notation: &policy.Notation{
		TrustPolicy: string(trustPolicy(t, nil)), Certificates: map[string]string{"ca": string(a.pem())}, RevocationLists: map[string]string{"a": string(list)},
	}})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d requirements, %v", len(all), err)
	}
	want := policyOf(t, Trust{Notation: &Notation{
		Policy: trustPolicy(t, nil), Certificates: map[string][]byte{"ca": a.pem()}, RevocationLists: map[string][]byte{"a": list},
	}})
	if all[0].By.Fingerprint() != want.Fingerprint() {
		t.Error("the rule means something else")
	}
}
