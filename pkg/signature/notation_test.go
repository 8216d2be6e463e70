package signature

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/notaryproject/notation-core-go/signature/jws"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

func TestRefusedNotation(t *testing.T) {
	t.Parallel()
	a := newAcme(t)
	level := func(level string, override map[string]string) map[string]any {
		v := map[string]any{"level": level}
		if override != nil {
			v["override"] = override
		}
		return map[string]any{"signatureVerification": v}
	}
	skip := level("skip", nil)
	skip["trustStores"], skip["trustedIdentities"] = nil, nil
	signer, _ := a.issue(leaf("alice"))
	for name, test := range map[string]struct {
		policy       []byte
		certificates map[string][]byte
		lists        map[string][]byte
		says         string
	}{
		"no policy":              {nil, nil, nil, "read trust policy: there is none"},
		"no JSON":                {[]byte("version: 1"), nil, nil, "it is no JSON"},
		"no version":             {[]byte(`{}`), nil, nil, "version"},
		"other version":          {[]byte(`{"version": "2.0", "trustPolicies": []}`), nil, nil, `unsupported version "2.0"`},
		"no statement":           {document(t), nil, nil, "it can not have zero statements"},
		"too long":               {[]byte(`"` + strings.Repeat("x", maxTrustPolicy) + `"`), nil, nil, "more than 64 KiB"},
		"too many scopes":        {trustPolicy(t, map[string]any{"registryScopes": many("example.com/", maxScopes+1)}), nil, nil, "256 scopes"},
		"too many identities":    {trustPolicy(t, map[string]any{"trustedIdentities": many("x509.subject:C=DE,ST=B,O=", maxIdentities+1)}), nil, nil, "64 identities"},
		"no scope":               {trustPolicy(t, map[string]any{"registryScopes": nil}), nil, nil, "zero registry scopes"},
		"pattern for a scope":    {trustPolicy(t, map[string]any{"registryScopes": []string{"example.com/*"}}), nil, nil, "wild card"},
		"unknown level":          {trustPolicy(t, level("loose", nil)), nil, nil, `invalid signature verification level "loose"`},
		"skip":                   {trustPolicy(t, skip), nil, nil, `level "skip" lets pass what anybody signed, or nobody`},
		"skip, and stores":       {trustPolicy(t, level("skip", nil)), nil, nil, `read trust policy: statement "one": level "skip" lets pass what anybody signed`},
		"a text for a list":      {[]byte(`{"version": "1.0", "trustPolicies": "x"}`), nil, nil, "it is no trustpolicy.json: a string is none of trustPolicies"},
		"audit":                  {trustPolicy(t, level("audit", nil)), nil, nil, `level "audit" lets pass what anybody signed`},
		"as good as audit":       {trustPolicy(t, level("strict", map[string]string{"authenticity": "log"})), nil, nil, "without an override of authenticity"},
		"nobody":                 {trustPolicy(t, map[string]any{"trustedIdentities": nil}), nil, nil, `read trust policy: statement "one" is either missing trust stores or trusted identities`},
		"whom only plugins know": {trustPolicy(t, map[string]any{"trustedIdentities": []string{"vault:alice"}}), nil, nil, "no plugin is asked"},
		"an incomplete name":     {trustPolicy(t, map[string]any{"trustedIdentities": []string{"x509.subject:CN=alice"}}), nil, nil, "mandatory"},
		"stamps alone":           {trustPolicy(t, map[string]any{"trustStores": []string{"tsa:x"}}), nil, nil, "needs a store of type ca"},
		"unknown store":          {trustPolicy(t, map[string]any{"trustStores": []string{"friends:x"}}), nil, nil, `"friends"`},
		"no certificate":         {trustPolicy(t, nil), map[string][]byte{}, nil, "there is none, so that nobody would be trusted"},
		"no certificate in it":   {trustPolicy(t, nil), map[string][]byte{"a.crt": []byte("hello")}, nil, `read certificate "a.crt": it is no certificate`},
		"a key in its place":     {trustPolicy(t, nil), map[string][]byte{"a.crt": newHolder(t, newKey(t)).public}, nil, `there is a "PUBLIC KEY" in it`},
		"who signs by another": {trustPolicy(t, nil), map[string][]byte{
			"a.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signer.Raw}),
		}, nil, "is not a CA certificate"},
		"a large key":           {trustPolicy(t, nil), map[string][]byte{"a.crt": oversized(t)}, nil, "more than 8192 bits"},
		"no list":               {trustPolicy(t, nil), nil, map[string][]byte{"a.crl": []byte("hello")}, `read revocation list "a.crl": it is none`},
		"stamps without a root": {trustPolicy(t, map[string]any{"trustStores": []string{"ca:x", "tsa:x"}}), map[string][]byte{"a.crt": intermediate(a)}, nil, "none of the certificates is that of a root"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := Notation{test.policy, test.certificates, test.lists}
			if n.Certificates == nil {
				n.Certificates = map[string][]byte{"ca.crt": a.pem()}
			}
			if _, err := NewPolicy(Trust{Notation: &n}); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func many(prefix string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(prefix, i))
	}
	return all
}

func intermediate(a *acme) []byte {
	c, _ := a.issue(&x509.Certificate{
		Subject: who("branch"), KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-aDay), NotAfter: time.Now().Add(aDay),
	})
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// oversized is a certificate for a key that nobody has: verifying by it would take its time.
func oversized(t testing.TB) []byte {
	t.Helper()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: oversizedDER(t)})
}

func oversizedDER(t testing.TB) []byte {
	t.Helper()
	key := newKey(t)
	n := new(big.Int).Lsh(big.NewInt(1), 1<<18)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: who("large"), KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-aDay), NotAfter: time.Now().Add(aDay),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 1<<31 - 1}, key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// A tenant's certificates and registry are hostile: what takes long is not begun.
func TestLargeKeyInAnEnvelope(t *testing.T) {
	t.Parallel()
	a := newAcme(t)
	repo := open(t, host(t, true, nil))
	subject := pushArtifact(t, repo)
	f := a.forge(jws.MediaTypeEnvelope, subject)
	f.change = func(raw, _ []byte) []byte { return withChain(t, raw, oversizedDER(t)) }
	attach(t, repo, subject, jws.MediaTypeEnvelope, f.raw(), nil)
	_, err := NewVerifier(Options{}).Verify(t.Context(), repo, subject.Digest, a.trusts(t, nil))
	checkKind(t, err, KindMalformed, "more than 8192 bits")
}

// The statement is chosen by the repository, as exactly as it is written.
func TestScopes(t *testing.T) {
	t.Parallel()
	a := newAcme(t)
	n, err := newNotary(Notation{
		Policy: document(t, statementFor("app", "ghcr.io/org/app"), statementFor("hub", "docker.io/org/app"),
			statementFor("other", "index.docker.io/org/other"), statementFor("rest", "*")),
		Certificates: map[string][]byte{"ca.crt": a.pem()},
	})
	if err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]string{
		"ghcr.io/org/app": "app", "ghcr.io/org/app/more": "rest", "ghcr.io/org": "rest", "docker.io/org/app": "hub",
		"docker.io/org/other": "other", "localhost:5000/org/app": "rest", "[::1]:5000/org/app": "rest",
	} {
		host, repository, _ := strings.Cut(ref, "/")
		if got := n.statement(registry.Reference{Registry: host, Repository: repository}); got == nil || got.name != want {
			t.Errorf("%s: %+v, want %s", ref, got, want)
		}
	}
	repo := open(t, host(t, true, nil))
	subject := pushArtifact(t, repo)
	attach(t, repo, subject, jws.MediaTypeEnvelope, a.forge(jws.MediaTypeEnvelope, subject).raw(), nil)
	for scope, kind := range map[string]Kind{repo.Reference().Name(): 0, "ghcr.io/org/app": KindUntrusted} {
		_, err := NewVerifier(Options{}).Verify(t.Context(), repo, subject.Digest, a.trusts(t, map[string]any{"registryScopes": []string{scope}}))
		checkKind(t, err, kind, `trusts nobody for this repository: its statements are for "ghcr.io/org/app"`)
	}
}

// statementFor trusts who is called as it is.
func statementFor(name string, scopes ...string) map[string]any {
	return map[string]any{
		"name": name, "registryScopes": scopes, "signatureVerification": map[string]any{"level": "strict"},
		"trustStores": []string{"ca:all"}, "trustedIdentities": []string{"x509.subject:C=DE,ST=Berlin,O=Example,CN=" + name},
	}
}

func TestNotationFingerprint(t *testing.T) {
	t.Parallel()
	a, b := newAcme(t), newAcme(t)
	base := Notation{Policy: trustPolicy(t, nil), Certificates: map[string][]byte{"ca.crt": a.pem()}}
	other, certificate, list := base, base, base
	other.Policy = trustPolicy(t, map[string]any{"trustedIdentities": []string{"*"}})
	certificate.Certificates = map[string][]byte{"ca.crt": b.pem()}
	list.RevocationLists = map[string][]byte{"a.crl": a.list(time.Now(), ago(-1))}
	again := base
	again.Certificates = maps.Clone(base.Certificates)
	of := func(n Notation) [32]byte { return policyOf(t, Trust{Notation: &n}).Fingerprint() }
	scoped := base
	scoped.Policy = document(t, statementFor("one", "ghcr.io/org/one"), statementFor("rest", "*"))
	at := func(repository string) [32]byte {
		return Requirement{By: policyOf(t, Trust{Notation: &scoped})}.Fingerprint(registry.Reference{Registry: "ghcr.io", Repository: repository})
	}
	if at("org/one") == at("org/two") || at("org/two") != at("org/three") {
		t.Error("what counts in one repository is taken for what counts in another, or the other way round")
	}
	if of(base) != of(again) || of(base) == of(other) || of(base) == of(certificate) || of(base) == of(list) {
		t.Error("fingerprints do not tell policies apart, or what is equal")
	}
}

// list is a revocation list of the authority.
func (a *acme) list(made, next time.Time, revoked ...x509.RevocationListEntry) []byte {
	a.t.Helper()
	raw, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: made, NextUpdate: next, RevokedCertificateEntries: revoked,
	}, a.certificate, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: raw})
}

// Lists that are at hand tell who was revoked. Addresses in certificates are never called.
func TestRevocation(t *testing.T) {
	t.Parallel()
	a, other := newAcme(t), newAcme(t)
	address := refusing(t)
	repo := open(t, host(t, true, nil))
	subject := pushArtifact(t, repo)
	f := a.forge(jws.MediaTypeEnvelope, subject)
	f.leaf.OCSPServer, f.leaf.CRLDistributionPoints = []string{address}, []string{address + "/list"}
	attach(t, repo, subject, jws.MediaTypeEnvelope, f.raw(), nil)
	bare := pushArtifact(t, repo)
	attach(t, repo, bare, jws.MediaTypeEnvelope, a.forge(jws.MediaTypeEnvelope, bare).raw(), nil)
	revoked := x509.RevocationListEntry{SerialNumber: f.leaf.SerialNumber, RevocationTime: ago(1)}
	held := revoked
	held.ReasonCode = reasonRemoved
	without := map[string]any{"signatureVerification": map[string]any{"level": "strict", "override": map[string]string{"revocation": "skip"}}}
	for name, test := range map[string]struct {
		subject ocispec.Descriptor
		list    []byte
		trust   map[string]any
		says    string // empty: good
	}{
		"nobody could tell":           {bare, nil, nil, ""},
		"no list":                     {subject, nil, nil, "revocation status is unknown"},
		"a list":                      {subject, a.list(ago(1), ago(-1)), nil, ""},
		"an old list":                 {subject, a.list(ago(5), ago(1)), nil, "revocation status is unknown"},
		"a list of somebody else":     {subject, other.list(ago(1), ago(-1)), nil, "revocation status is unknown"},
		"revoked":                     {subject, a.list(ago(1), ago(-1), revoked), nil, "is revoked"},
		"revoked by an old list":      {subject, a.list(ago(5), ago(1), revoked), nil, "is revoked"},
		"on hold, and no more":        {subject, a.list(ago(1), ago(-1), held), nil, ""},
		"revoked, and nobody minds":   {subject, a.list(ago(1), ago(-1), revoked), without, ""},
		"no list, and nobody minds":   {subject, nil, without, ""},
		"no list, and it is a remark": {subject, nil, map[string]any{"signatureVerification": map[string]any{"level": "permissive"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := Notation{Policy: trustPolicy(t, test.trust), Certificates: map[string][]byte{"ca.crt": a.pem()}}
			if test.list != nil {
				n.RevocationLists = map[string][]byte{"a.crl": test.list}
			}
			_, err := NewVerifier(Options{}).Verify(t.Context(), repo, test.subject.Digest, policyOf(t, Trust{Notation: &n}))
			kind := KindUntrusted
			if test.says == "" {
				kind = 0
			}
			checkKind(t, err, kind, test.says)
		})
	}
}
