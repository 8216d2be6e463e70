package main

import (
	"strings"
	"testing"
	"unicode"
)

// What is a secret, or may be one, is refused, and the refusal does not quote it.
func TestSecretsAreNoPlaces(t *testing.T) {
	t.Parallel()
	for ref, fine := range map[string]bool{
		"cosign.key":         true,
		"env://KEY":          true,
		"k8s://payments/key": true,
		"/var/run/secrets/tokens/oidc.token.file":                              true,
		"azurekms://vault.vault.azure.net/key/" + strings.Repeat("v", 300):     true,
		"-----BEGIN EC PRIVATE KEY-----HIDDEN":                                 false,
		"a\nHIDDEN":                                                            false,
		"eyJhbGciOiJSUzI1NiJ9.HIDDEN.HIDDEN":                                   false,
		" eyJhbGciOiJSUzI1NiJ9.HIDDEN.HIDDEN":                                  false,
		"Bearer eyJhbGciOiJSUzI1NiJ9.HIDDEN.HIDDEN":                            false,
		"env://eyJhbGciOiJSUzI1NiJ9.HIDDEN.HIDDEN":                             false,
		"env://MIIEvQIBADANBgkqhkiG9w0BAQEFAASC+BKcw/HIDDEN==":                 false,
		"LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tHIDDEN":                       false,
		"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw" + strings.Repeat("HIDDEN", 100): false,
	} {
		token := identity{token: ref, issuer: publicIssuer}
		for flag, err := range map[string]error{"--key": validateKey(ref), "--identity-token": token.validate()} {
			if (err == nil) != fine || err != nil && (strings.Contains(err.Error(), "HIDDEN") || !strings.Contains(err.Error(), flag+" is no ")) {
				t.Errorf("%s %.40q: %v", flag, ref, err)
			}
		}
	}
}

// A token goes nowhere where others could read it.
func TestTokensGoOverTLS(t *testing.T) {
	t.Setenv(tokenVariable, "")
	t.Setenv(githubSecretVariable, "secret")
	for address, fine := range map[string]bool{
		"https://fulcio.example.com":       true,
		"http://127.0.0.1:5555":            true,
		"http://[::1]:5555":                true,
		"http://localhost:5555":            true,
		"http://fulcio.example.com":        false,
		"http://10.0.0.1":                  false,
		"http://localhost.example.com":     false,
		"http://127.0.0.1.example.com:443": false,
	} {
		keyless := signing{form: "bundle", fulcio: address, log: "http://logs.example.com", identity: identity{issuer: publicIssuer}}
		issuer := identity{issuer: address}
		for flag, err := range map[string]error{"--fulcio-url": keyless.validate(), "--oidc-issuer": issuer.validate()} {
			if (err == nil) != fine || err != nil && !strings.Contains(err.Error(), flag) {
				t.Errorf("%s %s: %v", flag, address, err)
			}
		}
		if fine {
			continue
		}
		t.Setenv(githubAddressVariable, address)
		if _, _, err := pipelineToken(t.Context(), audience); err == nil || !strings.Contains(err.Error(), "without TLS") {
			t.Errorf("GitHub's service at %s: %v", address, err)
		}
	}
}

func TestWhatOthersSayIsPrintable(t *testing.T) {
	t.Parallel()
	got := complaint("I1122 a log line\nError from server (Forbidden): no\x1b[2J\u202e\n\tyou may not" + strings.Repeat("!", 1000))
	if !strings.HasPrefix(got, "(Forbidden): noU+001B[2JU+202E you may not!") || len(got) > 600 {
		t.Errorf("got %q", got)
	}
	if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%q cannot be printed", got)
	}
}

// Who is shown in public is asked, whichever of sigstore's services shows it.
func TestWhatBecomesPublic(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fulcio, log string
		public      bool
	}{
		{"", "", true},
		{"https://fulcio.example.com", "https://rekor.example.com", false},
		{"https://fulcio.example.com", "", false},
		{"https://fulcio.example.com", "https://rekor.sigstore.dev", true},
		{"https://Fulcio.Sigstore.dev.", "https://rekor.example.com", true},
		{"http://127.0.0.1:5555/sigstore.dev", "http://127.0.0.1:3000", false},
	} {
		if s := (&signing{fulcio: test.fulcio, log: test.log}); s.public() != test.public {
			t.Errorf("%q, %q: %v", test.fulcio, test.log, !test.public)
		}
	}
}
