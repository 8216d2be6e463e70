package sigstore

import (
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
)

// audience of tokens that certificates are issued for.
const audience = "sigstore"

// provider is the OpenID provider.
type provider struct {
	issuer string
	key    *ecdsa.PrivateKey
	signer jose.Signer
}

// claims are what a token says beside the standard ones.
type claims struct {
	Email    string `json:"email,omitempty"`
	Verified bool   `json:"email_verified,omitempty"`
	Nonce    string `json:"nonce,omitempty"`
}

const keyID = "sigstore"

func newProvider() (*provider, error) {
	key, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}}, nil)
	return &provider{key: key, signer: signer}, err
}

// Token is an OpenID token of somebody, an e-mail address or a URI, good for an hour.
func (s *Sigstore) Token(t testing.TB, subject string) string {
	t.Helper()
	raw, err := s.MintToken(subject)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// MintToken is [Sigstore.Token] outside of tests.
func (s *Sigstore) MintToken(subject string) (string, error) {
	return s.house.provider.mint(subject, audience, "")
}

func (p *provider) mint(subject, audience, nonce string) (string, error) {
	now := time.Now()
	more := claims{Nonce: nonce}
	if isMail(subject) {
		more.Email, more.Verified = subject, true
	}
	return jwt.Signed(p.signer).Claims(jwt.Claims{
		Issuer: p.issuer, Audience: jwt.Audience{audience}, Subject: subject, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now.Add(-time.Minute)), Expiry: jwt.NewNumericDate(now.Add(time.Hour)),
	}).Claims(more).Serialize()
}

// whose tells whom a token is for.
func (p *provider) whose(raw string) (string, error) {
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "", fmt.Errorf("read identity token: %w", err)
	}
	var standard jwt.Claims
	var more claims
	if err := token.Claims(p.key.Public(), &standard, &more); err != nil {
		return "", fmt.Errorf("check identity token: %w", err)
	}
	if err := standard.Validate(jwt.Expected{Issuer: p.issuer, AnyAudience: jwt.Audience{audience}}); err != nil {
		return "", fmt.Errorf("check identity token: %w", err)
	}
	switch {
	case more.Email != "" && !more.Verified:
		return "", errors.New("check identity token: its e-mail address is not verified")
	case more.Email != "":
		return more.Email, nil
	}
	return standard.Subject, nil
}

func (s *Sigstore) discovery(w http.ResponseWriter, _ *http.Request) {
	send(w, http.StatusOK, map[string]any{
		"issuer": s.house.provider.issuer, "jwks_uri": s.house.provider.issuer + "/keys",
		"authorization_endpoint": s.house.provider.issuer + "/auth", "token_endpoint": s.house.provider.issuer + "/token",
		"device_authorization_endpoint": s.house.provider.issuer + "/device", "code_challenge_methods_supported": []string{"S256"},
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{string(jose.ES256)},
	})
}

func (s *Sigstore) keys(w http.ResponseWriter, _ *http.Request) {
	send(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: s.house.provider.key.Public(), KeyID: keyID, Algorithm: string(jose.ES256), Use: "sig"},
	}})
}
