package sigstore_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/kubectl-oci/kubectl-oci/e2e/sigstore"
)

// services are those that a signer asks.
type services struct{ log, stamps bool }

func signed(t *testing.T, s *sigstore.Sigstore, token string, content sign.Content, ask services) (*protobundle.Bundle, error) {
	t.Helper()
	key, err := sign.NewEphemeralKeypair(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := sign.BundleOptions{
		Context:                    t.Context(),
		CertificateProvider:        sign.NewFulcio(&sign.FulcioOptions{BaseURL: s.FulcioURL}),
		CertificateProviderOptions: &sign.CertificateProviderOptions{IDToken: token},
	}
	if ask.log {
		o.TransparencyLogs = []sign.Transparency{sign.NewRekor(&sign.RekorOptions{BaseURL: s.RekorURL})}
	}
	if ask.stamps {
		o.TimestampAuthorities = []*sign.TimestampAuthority{sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{URL: s.TimestampURL})}
	}
	return sign.Bundle(content, key, o)
}

// verified asks for all that the root can prove, and times from where the options say.
func verified(t *testing.T, s *sigstore.Sigstore, made *protobundle.Bundle, subject string, options ...verify.VerifierOption) error {
	t.Helper()
	trusted, err := root.NewTrustedRootFromJSON(s.TrustedRoot())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := verify.NewVerifier(trusted, append(options, verify.WithSignedCertificateTimestamps(1))...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.NewBundle(made)
	if err != nil {
		t.Fatal(err)
	}
	who, err := verify.NewShortCertificateIdentity(s.IssuerURL, "", subject, "")
	if err != nil {
		t.Fatal(err)
	}
	what := verify.WithoutArtifactUnsafe()
	if made.GetMessageSignature() != nil {
		what = verify.WithArtifact(strings.NewReader(text))
	}
	_, err = verifier.Verify(b, verify.NewPolicy(what, verify.WithCertificateIdentity(who)))
	return err
}

const (
	text     = "hello"
	alice    = "alice@example.com"
	pipeline = "https://ci.example.com/org/app/release.yml@refs/heads/main"
)

func plain() sign.Content { return &sign.PlainData{Data: []byte(text)} }

// What was issued is what sigstore's own library accepts, whatever it asks for.
func TestSigning(t *testing.T) {
	t.Parallel()
	s := sigstore.For(t)
	inLog := []verify.VerifierOption{verify.WithTransparencyLog(1), verify.WithIntegratedTimestamps(1)}
	for name, tc := range map[string]struct {
		subject string
		content sign.Content
		ask     services
		options []verify.VerifierOption
	}{
		"text in the log":        {alice, plain(), services{log: true}, inLog},
		"envelope in the log":    {alice, envelope(), services{log: true}, inLog},
		"a pipeline":             {pipeline, plain(), services{log: true}, inLog},
		"timestamped":            {alice, plain(), services{stamps: true}, []verify.VerifierOption{verify.WithSignedTimestamps(1)}},
		"timestamped in the log": {alice, envelope(), services{true, true}, append(inLog, verify.WithSignedTimestamps(1))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, err := signed(t, s, s.Token(t, tc.subject), tc.content, tc.ask)
			if err != nil {
				t.Fatal(err)
			}
			if err := verified(t, s, made, tc.subject, tc.options...); err != nil {
				t.Error(err)
			}
			if err := verified(t, s, made, "mallory@example.com", tc.options...); err == nil {
				t.Error("it is by somebody else too")
			}
			if err := verified(t, sigstore.For(t), made, tc.subject, tc.options...); err == nil {
				t.Error("another Sigstore knows it too")
			}
		})
	}
}

func envelope() sign.Content {
	return &sign.DSSEData{PayloadType: "application/vnd.in-toto+json", Data: []byte(`{"_type":"https://in-toto.io/Statement/v1",` +
		`"subject":[{"digest":{"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}}],"predicateType":"a","predicate":{}}`)}
}

// Proofs of inclusion hold in a log of any size, and for entries that were there before.
func TestLog(t *testing.T) {
	t.Parallel()
	s := sigstore.For(t)
	var all []*protobundle.Bundle
	for range 9 {
		made, err := signed(t, s, s.Token(t, alice), plain(), services{log: true})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, made)
	}
	for i, made := range all {
		if got := made.GetVerificationMaterial().GetTlogEntries()[0].GetLogIndex(); got != int64(i) {
			t.Errorf("entry %d has the index %d", i, got)
		}
		if err := verified(t, s, made, alice, verify.WithTransparencyLog(1), verify.WithIntegratedTimestamps(1)); err != nil {
			t.Errorf("in a log of %d: %v", i+1, err)
		}
	}
	for address, want := range map[string]int{"?logIndex=3": http.StatusOK, "?logIndex=9": http.StatusNotFound, "?logIndex=x": http.StatusBadRequest, "/00": http.StatusNotFound} {
		if status, body := fetch(t, s.RekorURL+"/api/v1/log/entries"+address); status != want || want == http.StatusOK && !strings.Contains(body, `"logIndex":3`) {
			t.Errorf("%s: %d %s", address, status, body)
		}
	}
}

func fetch(t *testing.T, address string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestClock(t *testing.T) {
	t.Parallel()
	s := sigstore.For(t)
	long := time.Now().Add(-time.Hour)
	for name, tc := range map[string]struct {
		clock   sigstore.Clock
		options []verify.VerifierOption
		good    bool
	}{
		"logged while it was good":   {sigstore.Clock{Issued: long, Logged: long.Add(time.Minute)}, []verify.VerifierOption{verify.WithIntegratedTimestamps(1)}, true},
		"logged afterwards":          {sigstore.Clock{Issued: long}, []verify.VerifierOption{verify.WithIntegratedTimestamps(1)}, false},
		"logged before":              {sigstore.Clock{Logged: long}, []verify.VerifierOption{verify.WithIntegratedTimestamps(1)}, false},
		"stamped while it was good":  {sigstore.Clock{Issued: long, Stamped: long.Add(time.Minute), Timeless: true}, []verify.VerifierOption{verify.WithSignedTimestamps(1)}, true},
		"stamped afterwards":         {sigstore.Clock{Issued: long, Timeless: true}, []verify.VerifierOption{verify.WithSignedTimestamps(1)}, false},
		"a log that knows no time":   {sigstore.Clock{Timeless: true}, []verify.VerifierOption{verify.WithIntegratedTimestamps(1)}, false},
		"but proves what is in it":   {sigstore.Clock{Timeless: true}, []verify.VerifierOption{verify.WithSignedTimestamps(1)}, true},
		"all at the time that it is": {sigstore.Clock{}, []verify.VerifierOption{verify.WithObserverTimestamps(2)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			then := s.With(t, tc.clock)
			made, err := signed(t, then, s.Token(t, alice), plain(), services{true, true})
			if err != nil {
				t.Fatal(err)
			}
			if err := verified(t, s, made, alice, append(tc.options, verify.WithTransparencyLog(1))...); (err == nil) != tc.good {
				t.Errorf("verified: %v", err)
			}
		})
	}
}

// The authority issues to nobody but the owner of a token of its provider.
func TestTokens(t *testing.T) {
	t.Parallel()
	s, other := sigstore.For(t), sigstore.For(t)
	mixed := strings.Split(s.Token(t, alice), ".")
	mixed[1] = strings.Split(s.Token(t, "mallory@example.com"), ".")[1]
	for name, token := range map[string]string{"of another provider": other.Token(t, alice), "changed": strings.Join(mixed, ".")} {
		if _, err := signed(t, s, token, plain(), services{}); err == nil {
			t.Errorf("a token %s", name)
		}
	}
	// a public key of somebody else
	body := `{"publicKeyRequest":{"publicKey":{"content":"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9WYBFTXSYBL9kBpDLKWcjPZHVvEW\nUzVTLJmMGR8FmoQAnRTOTZBWPXZsvbx4XQ0jPK+hKuLwUiFYLsa3dH5Pmw==\n-----END PUBLIC KEY-----\n"},"proofOfPossession":"AAAA"}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.FulcioURL+"/api/v2/signingCert", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token(t, alice))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("without a proof: %s", resp.Status)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	s := sigstore.For(t)
	config, err := root.NewSigningConfigFromJSON(s.SigningConfig())
	if err != nil {
		t.Fatal(err)
	}
	if got := config.RekorLogURLs()[0].URL; got != s.RekorURL {
		t.Errorf("the log is at %s, want %s", got, s.RekorURL)
	}
	var discovered struct {
		Issuer string
		Keys   string `json:"jwks_uri"`
	}
	_, body := fetch(t, s.IssuerURL+"/.well-known/openid-configuration")
	if err := json.Unmarshal([]byte(body), &discovered); err != nil || discovered.Issuer != s.IssuerURL {
		t.Errorf("discovered %+v, %v", discovered, err)
	}
	if _, body := fetch(t, discovered.Keys); !strings.Contains(body, `"crv":"P-256"`) || strings.Contains(body, `"d":`) {
		t.Errorf("keys %s", body)
	}
}
