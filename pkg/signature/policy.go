package signature

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/verify"
)

// Trust is whom to trust, as people write it.
type Trust struct {
	Keys       map[string][]byte // public keys in PEM, by a name for messages
	Identities []Identity
	// Notation is who signs as the Notary Project's tools do; nil: nobody.
	Notation *Notation
	// Root is a trusted_root.json, against which identities are held: authorities, logs, timestamp authorities. Nil: that of sigstore's
	// public good instance, which a [Verifier] fetches. Keys need none.
	Root []byte
}

// Policy says whose signatures count: those of any of its keys or identities, or of whom a trust policy
// names. It does not change.
type Policy struct {
	keys        []*key
	identities  []Identity
	matchers    []verify.CertificateIdentity
	root        *root   // nil: the public one
	notary      *notary // nil: no Notary Project signature counts
	fingerprint [sha256.Size]byte
}

const (
	maxKeys       = 64
	maxIdentities = 64
)

// NewPolicy checks whom to trust. Nobody at all is an error, never anyone. The error begins with what cannot be read.
func NewPolicy(t Trust) (*Policy, error) {
	switch {
	case len(t.Keys) == 0 && len(t.Identities) == 0 && t.Notation == nil:
		return nil, errors.New("whom to trust names neither a key nor an identity: that would trust anyone, so it trusts nobody")
	case len(t.Keys) > maxKeys || len(t.Identities) > maxIdentities:
		return nil, fmt.Errorf("whom to trust names more than %d keys or %d identities", maxKeys, maxIdentities)
	}
	p := &Policy{identities: slices.Clone(t.Identities)}
	for _, name := range slices.Sorted(maps.Keys(t.Keys)) {
		k, err := parseKey(name, t.Keys[name])
		if err != nil {
			return nil, err
		}
		p.keys = append(p.keys, k)
	}
	var err error
	if p.matchers, err = matchers(t.Identities); err != nil {
		return nil, err
	}
	if t.Root != nil {
		if p.root, err = parseRoot(t.Root); err != nil {
			return nil, fmt.Errorf("read trusted root: %w", err)
		}
	}
	if t.Notation != nil {
		if p.notary, err = newNotary(*t.Notation); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(t)
	p.fingerprint = sha256.Sum256(text)
	return p, err
}

// sigstore tells whether a key or an identity is trusted.
func (p *Policy) sigstore() bool { return len(p.keys)+len(p.matchers) > 0 }

// Fingerprint is equal for policies made from equal [Trust], so that what was verified can be remembered by digest and policy.
func (p *Policy) Fingerprint() [sha256.Size]byte { return p.fingerprint }

// Signers says in words whose signatures count, one each.
func (p *Policy) Signers() []string {
	var all []string
	for _, k := range p.keys {
		all = append(all, "key "+quote(k.name))
	}
	for _, i := range p.identities {
		all = append(all, i.String())
	}
	if p.notary != nil {
		for _, scope := range slices.Sorted(maps.Keys(p.notary.statements)) {
			c := p.notary.statements[scope]
			all = append(all, fmt.Sprintf("statement %s of the trust policy, in %s: %s", quote(c.name), quote(scope), strings.Join(c.identities, "; ")))
		}
	}
	return all
}

func (p *Policy) keyNames() string {
	return some(p.keys, func(k *key) string { return quote(k.name) }, ", ")
}

// wanted says for whom signatures are looked for.
func (p *Policy) wanted() string {
	return some(p.identities, Identity.String, ", or ")
}

// some names the first few, and says how many more there are.
func some[T any](all []T, name func(T) string, between string) string {
	const few = 3
	var names []string
	for _, one := range all[:min(few, len(all))] {
		names = append(names, name(one))
	}
	text := strings.Join(names, between)
	if more := len(all) - few; more > 0 {
		text += fmt.Sprintf("%s%d more", between, more)
	}
	return text
}
