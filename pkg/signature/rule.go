package signature

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
)

// Required is what a rule of the administrator's policy asks for, ready for use; name is what messages call the rule. The error names the
// field.
func Required(name string, v *policy.Verify) ([]Requirement, error) {
	var all []Requirement
	if v.Signed() {
		trust := trustOf(v.Signers)
		if v.Notation != nil {
			trust.Notation = &Notation{
				Policy: []byte(v.Notation.TrustPolicy), Certificates: raw(v.Notation.Certificates), RevocationLists: raw(v.Notation.RevocationLists),
			}
		}
		by, err := NewPolicy(trust)
		if err != nil {
			return nil, err
		}
		all = append(all, Requirement{Name: name, By: by})
	}
	for i, a := range v.Attestations {
		r, err := attested(v, a)
		if err != nil {
			return nil, fmt.Errorf("attestation %d: %w", i+1, err)
		}
		r.Name = name
		all = append(all, r)
	}
	return all, nil
}

func attested(v *policy.Verify, a policy.Attestation) (r Requirement, err error) {
	if r.Type, err = predicateType(a.Type); err != nil {
		return r, err
	}
	if r.By, err = NewPolicy(trustOf(v.Attesters(a))); err != nil {
		return r, err
	}
	if a.Where != "" {
		if r.Where, err = ParseExpression(a.Where); err != nil {
			return r, fmt.Errorf("where: %w", err)
		}
	}
	return r, nil
}

// predicateType is what a name of cosign's, or a URI, stands for.
func predicateType(name string) (string, error) {
	known := Predicates()
	switch uri, ok := known[name]; {
	case ok:
		return uri, nil
	case !strings.Contains(name, ":"):
		return "", fmt.Errorf("type: %q is neither a URI nor one of %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	return name, nil
}

func raw(texts map[string]string) map[string][]byte {
	if texts == nil {
		return nil
	}
	all := map[string][]byte{}
	for name, text := range texts {
		all[name] = []byte(text)
	}
	return all
}

func trustOf(s policy.Signers) Trust {
	trust := Trust{Keys: raw(s.Keys)}
	for _, i := range s.Identities {
		trust.Identities = append(trust.Identities, Identity{Issuer: i.Issuer, Subject: i.Subject, Anchored: true})
	}
	if s.TrustedRoot != "" {
		trust.Root = []byte(s.TrustedRoot)
	}
	return trust
}
