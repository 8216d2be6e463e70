package main

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseToken(t *testing.T) {
	t.Parallel()
	later := time.Now().Add(time.Hour).Unix()
	for payload, want := range map[string]string{
		fmt.Sprintf(`{"iss": "i", "sub": "s", "aud": "sigstore", "exp": %d}`, later):                        `"s", vouched for by "i"`,
		fmt.Sprintf(`{"iss": "i", "sub": "s", "email": "a@b", "aud": ["x", "sigstore"], "exp": %d}`, later): `"a@b", vouched for by "i"`,
		`{"iss": "i", "sub": "s"}`:                     `"s", vouched for by "i"`,
		`{"iss": "i", "aud": "sts.amazonaws.com"}`:     `it is made for "sts.amazonaws.com", not for "sigstore"`,
		`{"iss": "i", "aud": "sigstore", "exp": 1000}`: "it was valid until 1970-01-01T00:16:40Z",
		`{"iss": "i", "aud": 7}`:                       "its middle part is no JSON",
		`[`:                                            "its middle part is no JSON",
		`{"iss": "i", "sub": "` + strings.Repeat("x", 10000): "no JSON",
	} {
		c, err := parseToken("e30."+base64.RawURLEncoding.EncodeToString([]byte(payload))+".c2lnbmF0dXJl", audience)
		got := c.String()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) || strings.Contains(got, "c2lnbmF0dXJl") {
			t.Errorf("%.100s: got %s, want %s", payload, got, want)
		}
	}
	for _, raw := range []string{"", "e30", "e30.e30", "a.b.c.d", "e30.%.c2ln", "hvs.secret"} {
		if _, err := parseToken(raw, audience); err == nil || raw != "" && strings.Contains(err.Error(), raw) {
			t.Errorf("%q: got %v", raw, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add("e30.eyJzdWIiOiJhIiwiYXVkIjpbInNpZ3N0b3JlIl0sImV4cCI6MX0.c2ln")
	f.Fuzz(func(t *testing.T, raw string) {
		c, err := parseToken(raw, audience)
		if err == nil && len(c.String()) > 5000 {
			t.Errorf("a name of %d bytes", len(c.String()))
		}
	})
}
