package signature

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	notationgo "github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Notation is whom to trust, as the Notary Project's tools are told it.
type Notation struct {
	// Policy is a trustpolicy.json of version 1.0. The statement that counts is the one whose registryScopes name the repository, or else
	// the one for "*". Every statement must verify who signed: levels that do not (skip, audit) are refused.
	Policy []byte
	// Certificates are those of the trust stores, in PEM or DER, by a name for messages: authorities, and certificates that are their own
	// authority. Each of them is in every store that the policy names.
	Certificates map[string][]byte
	// RevocationLists are certificate revocation lists, in PEM or DER, by a name for messages. Nobody else is asked whether a certificate was
	// revoked: where the level wants to know and a certificate says who could tell, its authority's list is needed.
	RevocationLists map[string][]byte
}

// Bounds of what is trusted: a tenant may have written it.
const (
	maxTrustPolicy  = 64 << 10 // bytes
	maxStatements   = 64
	maxScopes       = 256 // of all statements
	maxCertificates = 64
	maxLists        = 64
)

// everywhere is the scope of all repositories that no other names.
const everywhere = "*"

// notary is whom to trust, once it was checked. It does not change.
type notary struct {
	store      store
	statements map[string]*clause // by scope
}

// clause is one of a trust policy's statements.
type clause struct {
	name       string
	identities []string
	stamped    bool // timestamps may prove when a signature was made
	verifier   notationgo.Verifier
}

func newNotary(n Notation) (*notary, error) {
	document, err := parseTrustPolicy(n.Policy)
	if err != nil {
		return nil, fmt.Errorf("read trust policy: %w", err)
	}
	made := &notary{statements: map[string]*clause{}}
	if made.store, err = newStore(n.Certificates); err != nil {
		return nil, err
	}
	lists, err := newLists(n.RevocationLists)
	if err != nil {
		return nil, err
	}
	for _, s := range document.TrustPolicies {
		statement, err := newStatement(s, made.store, lists)
		if err != nil {
			return nil, fmt.Errorf("read trust policy: statement %s: %w", quote(s.Name), err)
		}
		for _, scope := range s.RegistryScopes {
			made.statements[scope] = statement
		}
	}
	return made, nil
}

func parseTrustPolicy(raw []byte) (*trustpolicy.Document, error) {
	switch {
	case len(raw) == 0:
		return nil, errors.New("there is none")
	case len(raw) > maxTrustPolicy:
		return nil, fmt.Errorf("it has more than %d KiB", maxTrustPolicy>>10)
	}
	var document trustpolicy.Document
	if !json.Valid(raw) {
		return nil, errors.New("it is no JSON")
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			err = fmt.Errorf("a %s is none of %s", wrong.Value, cmp.Or(wrong.Field, "its kind"))
		}
		return nil, fmt.Errorf("it is no trustpolicy.json: %w", err)
	}
	scopes := 0
	for _, s := range document.TrustPolicies {
		scopes += len(s.RegistryScopes)
		if len(s.TrustedIdentities) > maxIdentities {
			return nil, fmt.Errorf("statement %s names more than %d identities", quote(s.Name), maxIdentities)
		}
	}
	if len(document.TrustPolicies) > maxStatements || scopes > maxScopes {
		return nil, fmt.Errorf("it has more than %d statements or %d scopes", maxStatements, maxScopes)
	}
	for _, s := range document.TrustPolicies { // before what the library would advise, which is refused here
		if err := enforced(s); err != nil {
			return nil, fmt.Errorf("statement %s: %w", quote(s.Name), err)
		}
	}
	if err := document.Validate(); err != nil {
		return nil, errors.New(statementMistake(err))
	}
	return &document, nil
}

// statementMistake leaves out how often the library says that it speaks of a trust policy.
func statementMistake(err error) string {
	text := strings.TrimPrefix(readable(err), "trust policy: ")
	return strings.NewReplacer("trust policy document ", "it ", "trust policy statement", "statement").Replace(text)
}

// enforced refuses levels that would let pass what nobody signed.
func enforced(s trustpolicy.TrustPolicy) error {
	level, err := s.SignatureVerification.GetVerificationLevel()
	if err != nil {
		return err
	}
	if level.Enforcement[trustpolicy.TypeAuthenticity] != trustpolicy.ActionEnforce {
		return fmt.Errorf("level %s lets pass what anybody signed, or nobody: use strict or permissive, without an override of authenticity",
			quote(s.SignatureVerification.VerificationLevel))
	}
	return nil
}

// newStatement refuses what would trust nobody.
func newStatement(s trustpolicy.TrustPolicy, trusted store, lists lists) (*clause, error) {
	switch {
	case !slices.ContainsFunc(s.TrustedIdentities, isNative):
		return nil, errors.New("it trusts nobody: trustedIdentities needs \"*\" or an x509.subject, for no plugin is asked about others")
	case !slices.ContainsFunc(s.TrustStores, func(name string) bool { return !isStamping(name) }):
		return nil, errors.New("it trusts nobody: trustStores needs a store of type ca or signingAuthority")
	}
	stamped := slices.ContainsFunc(s.TrustStores, isStamping)
	if stamped && len(trusted.roots()) == 0 {
		return nil, errors.New("it has a store of type tsa, but none of the certificates is that of a root authority")
	}
	only := &trustpolicy.Document{Version: "1.0", TrustPolicies: []trustpolicy.TrustPolicy{s}}
	only.TrustPolicies[0].RegistryScopes = []string{everywhere} // which repository it is for was found out before
	// No plugin is ever run, and no address of a certificate is ever called: the evidence names them, and whoever pushes writes evidence.
	judge, err := verifier.NewWithOptions(only, trusted, nil, verifier.VerifierOptions{
		RevocationCodeSigningValidator: lists, RevocationTimestampingValidator: lists,
	})
	return &clause{s.Name, s.TrustedIdentities, stamped, judge}, err
}

// isNative tells who is known by a certificate from whom a plugin knows.
func isNative(identity string) bool {
	return identity == everywhere || strings.HasPrefix(identity, "x509.subject:")
}

func isStamping(store string) bool { return strings.HasPrefix(store, string(truststore.TypeTSA)+":") }

// statement chooses by repository; nil: none is for it. Docker Hub has two names.
func (n *notary) statement(ref registry.Reference) *clause {
	names := []string{ref.Name()}
	if ref.Registry == registry.DockerHub {
		names = append(names, "index."+ref.Name())
	}
	for _, scope := range append(names, everywhere) {
		if s := n.statements[scope]; s != nil {
			return s
		}
	}
	return nil
}

// among says what is looked for: it depends on the repository which statement of a trust policy counts.
func (s *search) among(p *Policy) (*clause, *Error) {
	s.sigstore = p.sigstore()
	switch {
	case p.notary == nil:
		return nil, nil
	case s.predicate != predicateSign && !s.sigstore:
		return nil, miss(KindUntrusted, "a trust policy says who signs, and nobody who attests: name keys or identities for attestations")
	case s.predicate != predicateSign:
		return nil, nil
	}
	statement := p.notary.statement(s.repo.Reference())
	if statement == nil && !s.sigstore {
		return nil, miss(KindUntrusted, "the trust policy trusts nobody for this repository: its statements are for %s", p.notary.scopes())
	}
	if statement != nil {
		s.notary = p.notary
	}
	return statement, nil
}

// fingerprintAt is that of a policy and of the statement that counts for a repository.
func (p *Policy) fingerprintAt(place registry.Reference) [sha256.Size]byte {
	if p.notary == nil {
		return p.fingerprint
	}
	statement := p.notary.statement(place)
	if statement == nil {
		return p.fingerprint
	}
	return sha256.Sum256(append(p.fingerprint[:], statement.name...))
}

// scopes say for which repositories there are statements.
func (n *notary) scopes() string {
	const some = 3
	all := slices.Sorted(maps.Keys(n.statements))
	var texts []string
	for _, scope := range all[:min(some, len(all))] {
		texts = append(texts, quote(scope))
	}
	text := strings.Join(texts, ", ")
	if more := len(all) - some; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// promises tells whether a signature says of itself that one of our certificates vouches for it. Nobody vouches for what it says.
func (n *notary) promises(annotations map[string]string) bool {
	thumbprints := annotations["io.cncf.notary.x509chain.thumbprint#S256"]
	return thumbprints != "" && slices.ContainsFunc(n.store.sums, func(sum [32]byte) bool {
		return strings.Contains(thumbprints, hex.EncodeToString(sum[:]))
	})
}
