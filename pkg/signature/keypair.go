package signature

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// GenerateKeyPair makes a key pair as cosign does: ECDSA P-256, both in PEM, the private one encrypted with the password, which may be
// empty.
func GenerateKeyPair(password []byte) (private, public []byte, err error) {
	private, public, err = cryptoutils.GeneratePEMEncodedECDSAKeyPair(elliptic.P256(), static(password))
	if err != nil {
		return nil, nil, fmt.Errorf("make key pair: %w", err)
	}
	return private, public, nil
}

// ErrPassword is the error of a private key that the password does not open.
var ErrPassword = errors.New("the password is wrong")

// ParsePrivateKey reads a private key in PEM: cosign's encrypted form, or PKCS #8, PKCS #1 and SEC 1, where the password may be of no use.
// The error is [ErrPassword] where that is it; no error has anything of the key.
func ParsePrivateKey(text, password []byte) (crypto.Signer, error) {
	if err := expectPEM(text, "PRIVATE KEY"); err != nil {
		return nil, fmt.Errorf("read private key: %w", err)
	}
	private, err := cryptoutils.UnmarshalPEMToPrivateKey(text, static(password))
	if err != nil && strings.HasSuffix(err.Error(), "decryption failed") { // the library's error has no name
		err = ErrPassword
	}
	if err != nil {
		return nil, fmt.Errorf("read private key: %w", err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("read private key: a key of type %T signs nothing", private)
	}
	return signer, nil
}

const maxPlace = 512 // bytes; no key is as short

// expectPEM looks at what a text says it is, which may be PUBLIC KEY, RSA PUBLIC KEY, ENCRYPTED SIGSTORE PRIVATE KEY and so on.
func expectPEM(text []byte, kind string) error {
	block, _ := pem.Decode(text)
	switch {
	case block == nil && bytes.Contains(text, []byte("-----BEGIN")):
		return errors.New("it begins as PEM does and is damaged: something between -----BEGIN and -----END is cut off or changed")
	case block == nil && len(text) <= maxPlace && len(bytes.Fields(text)) == 1:
		return errors.New("it is no PEM, which begins with -----BEGIN: the text of the key belongs here, and not its name")
	case block == nil:
		return errors.New("it is no PEM, which begins with -----BEGIN")
	case strings.HasPrefix(block.Type, "OPENSSH"):
		return errors.New("it is in a form of OpenSSH's own: PKCS #8 is read, and what cosign makes")
	case strings.HasSuffix(block.Type, kind):
		return nil
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return errors.New("it is a private key; the public one belongs here")
	case strings.HasSuffix(block.Type, "PUBLIC KEY"):
		return errors.New("it is a public key; the private one belongs here")
	}
	return fmt.Errorf("it is no key but a PEM of %s", quote(block.Type))
}

// static answers with a password that is known. No password is an empty one.
func static(password []byte) cryptoutils.PassFunc {
	return func(bool) ([]byte, error) { return append([]byte{}, password...), nil }
}

// PublicKey gives the public part of a key in PEM.
func PublicKey(key crypto.Signer) ([]byte, error) {
	text, err := cryptoutils.MarshalPublicKeyToPEM(key.Public())
	if err != nil {
		return nil, fmt.Errorf("write public key: %w", err)
	}
	return text, nil
}

// keypair is a key as sigstore-go signs with it.
type keypair struct {
	key     crypto.Signer
	details signature.AlgorithmDetails
	id      string
	text    []byte
}

func newKeypair(key crypto.Signer) (*keypair, error) {
	details, err := signature.GetDefaultAlgorithmDetails(key.Public())
	if err != nil {
		return nil, err
	}
	if err := checkKey(key.Public()); err != nil {
		return nil, err // nobody could verify what it signs
	}
	id, err := keyID(key.Public())
	if err != nil {
		return nil, err
	}
	text, err := PublicKey(key)
	return &keypair{key, details, id, text}, err
}

// ephemeral is a key for one signature.
func ephemeral() (*keypair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return newKeypair(key)
}

func (k *keypair) GetHashAlgorithm() protocommon.HashAlgorithm { return k.details.GetProtoHashType() }
func (k *keypair) GetSigningAlgorithm() protocommon.PublicKeyDetails {
	return k.details.GetSignatureAlgorithm()
}
func (k *keypair) GetHint() []byte                  { return []byte(k.id) }
func (k *keypair) GetPublicKey() crypto.PublicKey   { return k.key.Public() }
func (k *keypair) GetPublicKeyPem() (string, error) { return string(k.text), nil }

// GetKeyAlgorithm is a name for certificate authorities.
func (k *keypair) GetKeyAlgorithm() string {
	switch k.key.Public().(type) {
	case *rsa.PublicKey:
		return "RSA"
	case ed25519.PublicKey:
		return "ED25519"
	}
	return "ECDSA"
}

// SignData gives the signature of data, and what it is over: the hash, or for Ed25519 data itself.
func (k *keypair) SignData(ctx context.Context, data []byte) (sig, signed []byte, err error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	hash := k.details.GetHashType()
	if hash != 0 {
		if !hash.Available() {
			return nil, nil, errors.New("the hash of the key's algorithm is not built in")
		}
		h := hash.New()
		h.Write(data)
		data = h.Sum(nil)
	}
	sig, err = k.key.Sign(rand.Reader, data, hash)
	return sig, data, err
}
