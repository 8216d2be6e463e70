package signature

import (
	"strings"
	"testing"
)

func (b *bench) satisfies(r Requirement) (Verified, error) {
	return NewVerifier(Options{}).Satisfies(b.t.Context(), b.repo, b.subject.Digest, r)
}

// Of several attestations any may be the one; a signature is none, and what a wrong one says counts for nothing.
func TestRequirement(t *testing.T) {
	t.Parallel()
	for _, storage := range []string{"referrer", "fallback tag", "tag"} {
		t.Run(storage, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, false, storage, nil)
			r := Requirement{Name: "rule 1", By: b.policy, Type: predicateProvenance, Where: mustExpression(t, `predicate.builder == "alice"`)}
			refused := func(kind Kind, says string) {
				t.Helper()
				_, err := b.satisfies(r)
				check(t, b, Verified{}, err, kind, says)
				if err != nil && !strings.Contains(err.Error(), b.subject.Digest.String()+`" for rule 1: `) {
					t.Errorf("the requirement is not named: %v", err)
				}
			}
			b.sign(b.right, b.subject)
			refused(KindMissing, "no attestation of type")
			b.attest(b.wrong, predicateProvenance, `{"builder": "alice"}`)
			refused(KindWrongKey, "by another key")
			b.attest(b.right, predicateProvenance, `{"by": "alice"}`)
			refused(KindUnmet, `does not satisfy 'predicate.builder == "alice"': no such key: builder`)
			b.attest(b.right, predicateProvenance, `{"builder": "bob"}`)
			refused(KindUnmet, `and 2 more that do not count`)
			b.attest(b.right, predicateProvenance, `{"builder": "alice"}`)
			if by, err := b.satisfies(r); err != nil || by.Key == "" {
				t.Errorf("%+v, %v", by, err)
			}
			if by, err := b.satisfies(Requirement{By: b.policy}); err != nil || by.Key == "" {
				t.Errorf("the signature: %+v, %v", by, err)
			}
		})
	}
}

func TestRequirementFingerprint(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, "referrer", nil)
	one := Requirement{Name: "a", By: b.policy, Type: "t:1", Where: mustExpression(t, "true")}
	for name, change := range map[string]func(*Requirement){
		"name":  func(r *Requirement) { r.Name = "b" },
		"type":  func(r *Requirement) { r.Type = "t:2" },
		"where": func(r *Requirement) { r.Where = nil },
		"by": func(r *Requirement) {
			r.By = policyOf(t, Trust{Identities: []Identity{{Issuer: issuer, Subject: alice}}})
		},
	} {
		other := one
		change(&other)
		if same := other.Fingerprint(b.repo.Reference()) == one.Fingerprint(b.repo.Reference()); same != (name == "name") {
			t.Errorf("another %s: the same is %v", name, same)
		}
	}
}
