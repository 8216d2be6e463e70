// Package notation signs as the Notary Project's tools do, rightly and in every wrong way that a verifier has to notice:
//
//	authority, err := notation.NewAuthority("acme")
//	err = authority.Sign(ctx, reg.Direct+"/app@sha256:…", notation.Options{COSE: true})
//	policy, certificate := notation.Policy("*"), authority.Certificate()
//
// Who trusts the authority finds the signature good; one option makes one thing wrong. "Other key" is another authority of any name, "other
// identity" another Options.Name under a [Policy] of [Identity]. Keys are for one run and written nowhere.
package notation

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// Authority issues certificates and signs with them.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

const day = 24 * time.Hour

// NewAuthority makes an authority of this name, which began long ago.
func NewAuthority(name string) (*Authority, error) {
	a := &Authority{}
	template := &x509.Certificate{
		Subject: subject(name), KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		NotBefore: time.Now().Add(-100 * day), NotAfter: time.Now().Add(day),
	}
	var err error
	if a.certificate, a.key, err = issue(template, nil); err != nil {
		return nil, fmt.Errorf("make authority %q: %w", name, err)
	}
	return a, nil
}

// Certificate is the authority's own, in PEM: what a trust store holds.
func (a *Authority) Certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// Identity is how a trust policy names who signs with this Options.Name.
func Identity(name string) string { return "x509.subject:C=DE,ST=Berlin,O=Example,CN=" + name }

// Policy is a trustpolicy.json of level strict, for every repository, that trusts these identities: "*" is anyone whom the certificates
// vouch for.
func Policy(identities ...string) []byte {
	type statement struct {
		Name       string            `json:"name"`
		Scopes     []string          `json:"registryScopes"`
		Level      map[string]string `json:"signatureVerification"`
		Stores     []string          `json:"trustStores"`
		Identities []string          `json:"trustedIdentities"`
	}
	text, err := json.Marshal(map[string]any{"version": "1.0", "trustPolicies": []statement{
		{"all", []string{"*"}, map[string]string{"level": "strict"}, []string{"ca:all"}, identities},
	}})
	if err != nil {
		panic(err) // of strings alone
	}
	return text
}

func subject(name string) pkix.Name {
	return pkix.Name{Country: []string{"DE"}, Province: []string{"Berlin"}, Organization: []string{"Example"}, CommonName: name}
}

// issue makes a key and its certificate; a nil authority is the new one itself.
func issue(template *x509.Certificate, a *Authority) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		return nil, nil, err
	}
	if a == nil {
		a = &Authority{template, key}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return certificate, key, err
}
