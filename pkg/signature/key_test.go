package signature

import (
	"bytes"
	"crypto"
	"crypto/dsa" //nolint:staticcheck // a key that nobody should use any more
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/sigstore/sigstore/pkg/signature"
)

// kinds are keys of every kind that cosign knows.
func kinds(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	all := map[string]crypto.Signer{}
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = key
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all["RSA"], all["Ed25519"] = key, edwards
	return all
}

func TestKindsOfKeys(t *testing.T) {
	t.Parallel()
	for name, key := range kinds(t) {
		for _, form := range []Form{FormBundle, FormTag} {
			t.Run(name+"/"+string(form), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, false, "fallback tag", nil)
				h := newHolder(t, key)
				b.form, b.right, b.policy = form, h.signer, h.policy(t)
				b.sign(b.right, b.subject)
				verified, err := b.verify()
				check(t, b, verified, err, 0, "")
			})
		}
	}
}

// Versions of cosign differ in the hash that they take for a key.
func TestOtherHashes(t *testing.T) {
	t.Parallel()
	all := kinds(t)
	signers := map[string]signature.Signer{}
	var err error
	if signers["P-384"], err = signature.LoadECDSASigner(all["P-384"].(*ecdsa.PrivateKey), crypto.SHA256); err != nil {
		t.Fatal(err)
	}
	if signers["Ed25519"], err = signature.LoadED25519phSigner(all["Ed25519"].(ed25519.PrivateKey)); err != nil {
		t.Fatal(err)
	}
	message := []byte("a message")
	for name, signer := range signers {
		sig, err := signer.SignMessage(bytes.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		public, err := PublicKey(all[name])
		if err != nil {
			t.Fatal(err)
		}
		k, err := parseKey(name, public)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := k.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message[1:])); err == nil {
			t.Errorf("%s: a signature of another message is good", name)
		}
	}
}

func publicPEM(t testing.TB, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestPublicKeysThatAreNone(t *testing.T) {
	t.Parallel()
	short := &rsa.PublicKey{N: rsaModulus(t, 1024), E: 65537}
	long := &rsa.PublicKey{N: rsaModulus(t, 16384), E: 65537}
	curve, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, _, err := GenerateKeyPair(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		text []byte
		says string
	}{
		"short curve": {publicPEM(t, &curve.PublicKey), "not 224"},
		"empty":       {nil, "PEM"},
		"garbage":     {[]byte("ssh-ed25519 AAAA"), "PEM"},
		"cut off":     {[]byte("-----BEGIN PUBLIC KEY-----\nMFkw\n…\n"), "it begins as PEM does and is damaged"},
		"a name":      {[]byte("cosign.pub"), "and not its name"},
		"OpenSSH":     {pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte("x")}), "of OpenSSH's own"},
		"private":     {private, "the public one belongs here"},
		"short RSA":   {publicPEM(t, short), "not 1024"},
		"long RSA":    {publicPEM(t, long), "not 16384"},
		"broken":      {[]byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "read public key"},
		"certificate": {[]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "CERTIFICATE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewPolicy(Trust{Keys: map[string][]byte{"a.pub": tc.text}})
			if err == nil || !strings.Contains(err.Error(), `"a.pub"`) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := checkKey(&dsa.PublicKey{}); err == nil {
		t.Error("a DSA key is taken")
	}
}

func TestPrivateKeys(t *testing.T) {
	t.Parallel()
	encrypted, public, err := GenerateKeyPair([]byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	bare, _, err := GenerateKeyPair(nil)
	if err != nil {
		t.Fatal(err)
	}
	renamed := bytes.ReplaceAll(encrypted, []byte("SIGSTORE"), []byte("COSIGN"))
	key := newKey(t)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		text     []byte
		password string
		good     bool
	}{
		"of cosign":       {encrypted, "secret", true},
		"of older cosign": {renamed, "secret", true},
		"wrong password":  {encrypted, "secrets", false},
		"no password":     {encrypted, "", false},
		"empty password":  {bare, "", true},
		"SEC 1":           {pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), "", true},
		"PKCS #8":         {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), "unused", true},
		"public":          {public, "", false},
		"garbage":         {[]byte("garbage"), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer, err := ParsePrivateKey(tc.text, []byte(tc.password))
			if (err == nil) != tc.good {
				t.Fatalf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the password is in %q", err)
			}
			if name == "of cosign" {
				if text, err := PublicKey(signer); err != nil || !bytes.Equal(text, public) {
					t.Errorf("the public part is %s, %v; want %s", text, err, public)
				}
			}
		})
	}
	if !bytes.HasPrefix(bare, []byte("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----")) {
		t.Errorf("not the form of cosign: %s", bare)
	}
}

func TestSigners(t *testing.T) {
	t.Parallel()
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]SignerOptions{"nobody": {}, "both": {Key: newKey(t), Token: "t"}, "short key": {Key: short}} {
		if _, err := NewSigner(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// rsaModulus has the given length; nobody knows its factors.
func rsaModulus(t testing.TB, bits uint) *big.Int {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return n.SetBit(n, 0, 1)
}

// Many keys are tried by arithmetic: what a tenant may list, and others attach, must not take minutes.
func TestManyKeysCostNoMoreMemory(t *testing.T) { //nolint:paralleltest // others' allocations would be counted
	f := readFixture(t)
	c := f.candidates()[0]
	cost := func(n int) float64 {
		trust := Trust{Keys: map[string][]byte{}}
		for i := range n {
			trust.Keys[fmt.Sprint(i)] = newHolder(t, newKey(t)).public
		}
		p, err := NewPolicy(trust)
		if err != nil {
			t.Fatal(err)
		}
		j := &judge{policy: p, subject: f.Subject, predicate: predicateSign}
		return testing.AllocsPerRun(10, func() {
			if _, _, err := j.candidate(t.Context(), c); err == nil {
				t.Error("somebody else's signature counts")
			}
		})
	}
	if few, many := cost(2), cost(maxKeys); many > few+60*maxKeys {
		t.Errorf("%d keys cost %.0f allocations, 2 keys %.0f", maxKeys, many, few)
	}
}
