package policy

import (
	"cmp"
	"errors"
	"fmt"
)

// Verify is what a rule asks for of an artifact before it is exposed. Keys, patterns and expressions in it are not checked yet: that is up
// to whoever verifies, before the policy counts; see [Open].
type Verify struct {
	Signers      `yaml:",inline"`
	Notation     *Notation     `yaml:"notation"`     // who may sign, too, with the Notary Project's tools; nil: nobody
	Attestations []Attestation `yaml:"attestations"` // each of which there must be one of
}

// Signers are who may sign, or attest: any one is enough.
type Signers struct {
	Keys        map[string]string `yaml:"keys"` // PEM, by a name for people
	Identities  []Identity        `yaml:"identities"`
	TrustedRoot string            `yaml:"trustedRoot"` // trusted_root.json, against which identities are held; empty: sigstore's public one
}

// Notation is whom to trust, as the Notary Project's tools are told it.
type Notation struct {
	TrustPolicy  string            `yaml:"trustPolicy"`  // trustpolicy.json
	Certificates map[string]string `yaml:"certificates"` // PEM, by a name for people
	// RevocationLists are PEM, by a name for people. No address that a certificate names is called: what is not here is not known.
	RevocationLists map[string]string `yaml:"revocationLists"`
}

// Identity is somebody for whom an OpenID provider vouches. Both are regular expressions (RE2) that must match the whole.
type Identity struct {
	Issuer  string `yaml:"issuer"`
	Subject string `yaml:"subject"`
}

// Attestation is a statement that somebody must have signed.
type Attestation struct {
	Signers `yaml:",inline"` // nobody: those of the rule; see [Verify.Attesters]
	Type    string           `yaml:"type"`  // of the predicate: a URI, or one of cosign's names
	Where   string           `yaml:"where"` // what it has to say, in CEL; empty: anything
}

// Nobody tells whether there is none.
func (s Signers) Nobody() bool { return len(s.Keys)+len(s.Identities) == 0 }

// Signed tells whether a signature is asked for.
func (v *Verify) Signed() bool { return !v.Nobody() || v.Notation != nil }

// Attesters are those of the attestation, or else those of the rule. Identities are held against the rule's root unless they have their own.
func (v *Verify) Attesters(a Attestation) Signers {
	if a.Nobody() {
		return v.Signers
	}
	s := a.Signers
	if len(s.Identities) > 0 {
		s.TrustedRoot = cmp.Or(s.TrustedRoot, v.TrustedRoot)
	}
	return s
}

const maxAttestations = 16

// check refuses what cannot be meant. The error begins with the field.
func (v *Verify) check() error {
	switch {
	case !v.Signed() && len(v.Attestations) == 0:
		return errors.New("verify: it asks for nothing: name keys, identities, notation or attestations")
	case v.Notation != nil && (v.Notation.TrustPolicy == "" || len(v.Notation.Certificates) == 0):
		return errors.New("verify: notation: it needs both trustPolicy and certificates")
	case len(v.Attestations) > maxAttestations:
		return fmt.Errorf("verify: attestations: there are more than %d", maxAttestations)
	}
	if err := v.Signers.check(); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	for i, a := range v.Attestations {
		if err := v.checkAttestation(a); err != nil {
			return fmt.Errorf("verify: attestation %d: %w", i+1, err)
		}
	}
	return nil
}

func (v *Verify) checkAttestation(a Attestation) error {
	switch {
	case a.Type == "":
		return errors.New("type: it is missing")
	case v.Attesters(a).Nobody():
		return errors.New("nobody may attest: name keys or identities, for it or for the rule")
	}
	return a.Signers.check()
}

func (s Signers) check() error {
	if s.TrustedRoot != "" && len(s.Identities) == 0 {
		return errors.New("trustedRoot: there are no identities beside it, and keys need none")
	}
	for i, identity := range s.Identities {
		if identity.Issuer == "" || identity.Subject == "" {
			return fmt.Errorf("identity %d: it needs both issuer and subject", i+1)
		}
	}
	return nil
}
