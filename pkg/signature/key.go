package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // as a crypto.Hash
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// key is a public key that a policy trusts.
type key struct {
	name   string
	id     string
	public crypto.PublicKey
}

const (
	minCurve = 256 // bits
	minRSA   = 2048
	maxRSA   = 8192 // more takes its time, and a tenant may choose it
)

// parseKey reads a public key in PEM: ECDSA, RSA or Ed25519.
func parseKey(name string, text []byte) (*key, error) {
	if err := expectPEM(text, "PUBLIC KEY"); err != nil {
		return nil, fmt.Errorf("read public key %q: %w", name, err)
	}
	public, err := cryptoutils.UnmarshalPEMToPublicKey(text)
	if err != nil {
		return nil, fmt.Errorf("read public key %q: %w", name, err)
	}
	k := &key{name: name, public: public}
	if err := checkKey(public); err != nil {
		return nil, fmt.Errorf("read public key %q: %w", name, err)
	}
	k.id, err = keyID(public)
	return k, err
}

// keyID is what cosign puts into bundles to tell keys apart.
func keyID(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}

// checkKey refuses keys of other kinds, and those that are too weak or take too long.
func checkKey(public crypto.PublicKey) error {
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		if bits := public.Curve.Params().BitSize; bits < minCurve {
			return fmt.Errorf("an elliptic curve has %d bits at least, not %d", minCurve, bits)
		}
		return nil
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSA || bits > maxRSA {
			return fmt.Errorf("an RSA key has %d to %d bits, not %d", minRSA, maxRSA, bits)
		}
		return nil
	case ed25519.PublicKey:
		return nil
	}
	return fmt.Errorf("it is neither ECDSA nor RSA nor Ed25519 but %T", public)
}

// fits tells whether the key made a signature. Versions of cosign differ in the hash, and for Ed25519 in whether there is one.
func (k *key) fits(m *made) bool {
	switch public := k.public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, m.sum(hashOf(public)), m.signature) || ecdsa.VerifyASN1(public, m.sum(crypto.SHA256), m.signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, m.sum(crypto.SHA256), m.signature) == nil
	case ed25519.PublicKey:
		hashed := &ed25519.Options{Hash: crypto.SHA512}
		return ed25519.Verify(public, m.message, m.signature) ||
			ed25519.VerifyWithOptions(public, m.sum(crypto.SHA512), m.signature, hashed) == nil
	}
	return false
}

// hashOf is the hash that goes with a curve.
func hashOf(public *ecdsa.PublicKey) crypto.Hash {
	switch bits := public.Curve.Params().BitSize; {
	case bits > 384:
		return crypto.SHA512
	case bits > 256:
		return crypto.SHA384
	}
	return crypto.SHA256
}

// made is a signature and what it is of, hashed once however many keys it is held against.
type made struct {
	message   []byte
	signature []byte
	sums      map[crypto.Hash][]byte
}

func (m *made) sum(kind crypto.Hash) []byte {
	if m.sums[kind] == nil {
		if m.sums == nil {
			m.sums = map[crypto.Hash][]byte{}
		}
		hash := kind.New()
		hash.Write(m.message)
		m.sums[kind] = hash.Sum(nil)
	}
	return m.sums[kind]
}

// VerifySignature is for sigstore's libraries.
func (k *key) VerifySignature(sig, message io.Reader, _ ...signature.VerifyOption) error {
	rawSig, err := io.ReadAll(sig)
	if err != nil {
		return err
	}
	rawMessage, err := io.ReadAll(message)
	if err != nil {
		return err
	}
	if k.fits(&made{message: rawMessage, signature: rawSig}) {
		return nil
	}
	return errors.New("the key did not make this signature")
}

// PublicKey is for sigstore's libraries.
func (k *key) PublicKey(...signature.PublicKeyOption) (crypto.PublicKey, error) { return k.public, nil }

// ValidAtTime is for sigstore's libraries: a key is valid as long as a policy names it.
func (k *key) ValidAtTime(time.Time) bool { return true }

// material makes the key the only thing that is trusted, whatever the evidence calls its key.
func (k *key) material() sigroot.TrustedMaterial {
	return sigroot.NewTrustedPublicKeyMaterial(func(string) (sigroot.TimeConstrainedVerifier, error) { return k, nil })
}
