package signature

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	sigroot "github.com/sigstore/sigstore-go/pkg/root"
)

func TestPoliciesThatAreNone(t *testing.T) {
	t.Parallel()
	one := []Identity{{Issuer: "i", Subject: "s"}}
	p := newPrivate(t)
	timeless := p.trustedRootOf(t, map[string]*sigroot.TransparencyLog{}, nil)
	for name, tc := range map[string]struct {
		trust Trust
		says  string
	}{
		"nobody":            {Trust{}, "neither a key nor an identity"},
		"root and nobody":   {Trust{Root: p.root}, "neither a key nor an identity"},
		"no issuer":         {Trust{Identities: []Identity{{Subject: "s"}}}, "read issuer of identity: it is empty"},
		"no subject":        {Trust{Identities: []Identity{{Issuer: "i"}}}, "read subject of identity: it is empty"},
		"no pattern":        {Trust{Identities: []Identity{{Issuer: "(", Subject: "s"}}}, "missing closing )"},
		"breaks out":        {Trust{Identities: []Identity{{Issuer: "a)|(.*", Subject: "s", Anchored: true}}}, "unexpected )"},
		"long pattern":      {Trust{Identities: []Identity{{Issuer: strings.Repeat("a", 1025), Subject: "s"}}}, "more than 1024 bytes"},
		"large pattern":     {Trust{Identities: []Identity{{Issuer: "i", Subject: strings.Repeat("(x*y*z*){333}", 78)}}}, "read subject of identity: it would take more than 4096 steps"},
		"large patterns":    {Trust{Identities: slices.Repeat([]Identity{{Issuer: "(x*y*z*){333}", Subject: ".{1000}"}}, maxIdentities)}, "its identities would take more than 32768 steps"},
		"too many":          {Trust{Identities: make([]Identity, maxIdentities+1)}, "more than 64 keys or 64 identities"},
		"root of no JSON":   {Trust{Identities: one, Root: []byte("-----BEGIN")}, "read trusted root: it is no JSON"},
		"garbage for root":  {Trust{Identities: one, Root: []byte("{}")}, "read trusted root: it is no trusted_root.json: it has no mediaType"},
		"unknown in a root": {Trust{Identities: one, Root: []byte("{\n\"x\": 1}")}, "read trusted root: it is no trusted_root.json: line 2: unknown field"},
		"root of no time":   {Trust{Identities: one, Root: timeless}, "neither a transparency log nor a timestamp authority"},
		"large root":        {Trust{Identities: one, Root: make([]byte, maxRoot+1)}, "more than 1048576 bytes"},
		"root of nobody":    {Trust{Identities: one, Root: []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)}, "no certificate authority"},
		"root beside a key": {Trust{Keys: map[string][]byte{"a.pub": newHolder(t, newKey(t)).public}, Root: []byte("x")}, "read trusted root"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewPolicy(tc.trust)
			if err == nil || strings.Contains(err.Error(), "signature policy") || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
}

func TestFingerprints(t *testing.T) {
	t.Parallel()
	key := newHolder(t, newKey(t)).public
	other := newHolder(t, newKey(t)).public
	seen := map[[32]byte]string{}
	for name, trust := range map[string]Trust{
		"key":       {Keys: map[string][]byte{"a": key}},
		"other key": {Keys: map[string][]byte{"a": other}},
		"two keys":  {Keys: map[string][]byte{"a": key, "b": other}},
		"identity":  {Identities: []Identity{{Issuer: "i", Subject: "s"}}},
		"anchored":  {Identities: []Identity{{Issuer: "i", Subject: "s", Anchored: true}}},
		"root":      {Identities: []Identity{{Issuer: "i", Subject: "s"}}, Root: newPrivate(t).root},
	} {
		print := policyOf(t, trust).Fingerprint()
		if print != policyOf(t, trust).Fingerprint() {
			t.Errorf("%s: two fingerprints", name)
		}
		if twin := seen[print]; twin != "" {
			t.Errorf("%s and %s have one fingerprint", name, twin)
		}
		seen[print] = name
	}
}

// Several identities are as many ways to be trusted, with bundles and with older signatures.
func TestIdentities(t *testing.T) {
	t.Parallel()
	google := Identity{Issuer: "https://accounts.google.com", Subject: alice, Anchored: true}
	for name, tc := range map[string]struct {
		identities []Identity
		good       bool
	}{
		"second of two":           {[]Identity{google, {Issuer: issuer, Subject: alice, Anchored: true}}, true},
		"first of two":            {[]Identity{{Issuer: issuer, Subject: alice}, google}, true},
		"none of two":             {[]Identity{google, {Issuer: issuer, Subject: mallory}}, false},
		"halves of two":           {[]Identity{{Issuer: issuer, Subject: mallory}, {Issuer: "https://other", Subject: alice}}, false},
		"any part":                {[]Identity{{Issuer: "example", Subject: "@example"}}, true},
		"part where all is meant": {[]Identity{{Issuer: "example", Subject: "@example", Anchored: true}}, false},
		"prefix":                  {[]Identity{{Issuer: issuer, Subject: "alice@example.co", Anchored: true}}, false},
		"choice":                  {[]Identity{{Issuer: issuer, Subject: "bob@example.com|" + alice, Anchored: true}}, true},
		"choice of other ends":    {[]Identity{{Issuer: issuer, Subject: "alice|com", Anchored: true}}, false},
		"quoted to the end":       {[]Identity{{Issuer: issuer, Subject: `\Q` + alice, Anchored: true}}, true},
		"quoted, but not all":     {[]Identity{{Issuer: issuer, Subject: `\Qalice`, Anchored: true}}, false},
		"lines":                   {[]Identity{{Issuer: issuer, Subject: "(?m)^alice@example.com$", Anchored: true}}, true},
	} {
		for _, storage := range []string{"referrer", "tag"} {
			t.Run(storage+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, true, storage, nil)
				b.policy = policyOf(t, Trust{Identities: tc.identities, Root: b.private.root})
				b.sign(b.right, b.subject)
				verified, err := b.verify()
				if tc.good {
					check(t, b, verified, err, 0, "")
					return
				}
				check(t, b, verified, err, KindWrongIdentity, `by "alice@example.com"`)
			})
		}
	}
}

// One of the keys is enough, and so is one of keys and identities.
func TestKeysBesideIdentities(t *testing.T) {
	t.Parallel()
	for _, storage := range []string{"referrer", "tag"} {
		for _, by := range []string{"first key", "second key", "identity", "nobody"} {
			t.Run(storage+"/"+by, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, true, storage, nil)
				first, second := newHolder(t, newKey(t)), newHolder(t, newKey(t))
				b.policy = policyOf(t, Trust{
					Keys:       map[string][]byte{"a.pub": first.public, "b.pub": second.public},
					Identities: []Identity{{Issuer: issuer, Subject: alice}}, Root: b.private.root,
				})
				signer := map[string]*Signer{"first key": first.signer, "second key": second.signer, "identity": b.right, "nobody": b.wrong}[by]
				b.sign(signer, b.subject)
				verified, err := b.verify()
				want := map[string]string{"first key": "a.pub", "second key": "b.pub"}[by]
				if (err == nil) != (by != "nobody") || verified.Key != want {
					t.Errorf("got %+v, %v", verified, err)
				}
			})
		}
	}
}

// A policy that could do without the public root does not wait for it.
func TestKeysNeedNoRoot(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, "referrer", nil)
	h := newHolder(t, newKey(t))
	b.policy = policyOf(t, Trust{Keys: map[string][]byte{"cosign.pub": h.public}, Identities: []Identity{{Issuer: "i", Subject: "s"}}})
	b.sign(b.wrong, b.subject)
	verifier := NewVerifier(Options{Mirror: "http://127.0.0.1:1"})
	_, err := verifier.Verify(t.Context(), b.repo, b.subject.Digest, b.policy)
	check(t, b, Verified{}, err, KindWrongKey, "cosign.pub")
	b.sign(h.signer, b.subject)
	if _, err := verifier.Verify(t.Context(), b.repo, b.subject.Digest, b.policy); err != nil {
		t.Error(err)
	}
}

// JSON of a trust is what fingerprints are made of: it must not lose anything.
func TestTrustAsJSON(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(Trust{Keys: map[string][]byte{"a": []byte("k")}, Identities: []Identity{{"i", "s", true}}, Root: []byte("r")})
	for _, part := range []string{`"a":"aw=="`, `"Issuer":"i"`, `"Subject":"s"`, `"Anchored":true`, `"Root":"cg=="`} {
		if err != nil || !strings.Contains(string(raw), part) {
			t.Errorf("%s, %v: no %s", raw, err, part)
		}
	}
}
