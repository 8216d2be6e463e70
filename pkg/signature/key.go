package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
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
	name      string
	id        string
	public    crypto.PublicKey
	verifiers []signature.Verifier
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
	if k.verifiers, err = verifiers(public); err != nil {
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

// verifiers are the ways in which versions of cosign sign with such a key: they differ in the hash, and for Ed25519 in whether there is
// one.
func verifiers(public crypto.PublicKey) ([]signature.Verifier, error) {
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		size := crypto.SHA256
		switch bits := public.Curve.Params().BitSize; {
		case bits < minCurve:
			return nil, fmt.Errorf("an elliptic curve has %d bits at least, not %d", minCurve, bits)
		case bits > 384:
			size = crypto.SHA512
		case bits > 256:
			size = crypto.SHA384
		}
		verifier, err := signature.LoadECDSAVerifier(public, size)
		if size == crypto.SHA256 || err != nil {
			return []signature.Verifier{verifier}, err
		}
		older, err := signature.LoadECDSAVerifier(public, crypto.SHA256)
		return []signature.Verifier{verifier, older}, err
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSA || bits > maxRSA {
			return nil, fmt.Errorf("an RSA key has %d to %d bits, not %d", minRSA, maxRSA, bits)
		}
		verifier, err := signature.LoadRSAPKCS1v15Verifier(public, crypto.SHA256)
		return []signature.Verifier{verifier}, err
	case ed25519.PublicKey:
		pure, err := signature.LoadED25519Verifier(public)
		if err != nil {
			return nil, err
		}
		hashed, err := signature.LoadED25519phVerifier(public)
		return []signature.Verifier{pure, hashed}, err
	}
	return nil, fmt.Errorf("it is neither ECDSA nor RSA nor Ed25519 but %T", public)
}

// VerifySignature is for sigstore's libraries.
func (k *key) VerifySignature(sig, message io.Reader, options ...signature.VerifyOption) error {
	rawSig, err := io.ReadAll(sig)
	if err != nil {
		return err
	}
	rawMessage, err := io.ReadAll(message)
	if err != nil {
		return err
	}
	for _, v := range k.verifiers {
		if v.VerifySignature(bytes.NewReader(rawSig), bytes.NewReader(rawMessage), options...) == nil {
			return nil
		}
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
