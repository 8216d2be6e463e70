package cli_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"
)

// drawer is a program: a plugin of sigstore's for keys that lie in the home folder.
type drawer struct {
	signature.SignerVerifier
	path string
}

// runDrawer answers one question of sigstore's protocol.
func runDrawer() {
	args, err := handler.GetPluginArgs(os.Args)
	if err != nil {
		fail(err)
	}
	d := &drawer{path: filepath.Join(os.Getenv("HOME"), filepath.Base(args.InitOptions.KeyResourceID)+".pem")}
	text, err := os.ReadFile(d.path)
	if err == nil {
		err = d.open(text)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		fail(err)
	}
	if d.SignerVerifier == nil && args.MethodName != "createKey" && args.MethodName != "defaultAlgorithm" {
		_ = handler.WriteErrorResponse(os.Stdout, errors.New("the drawer is empty"))
		return
	}
	_, _ = handler.Dispatch(os.Stdout, os.Stdin, args, d) // says its error in the answer
}

func (d *drawer) open(text []byte) error {
	key, err := cryptoutils.UnmarshalPEMToPrivateKey(text, nil)
	if err != nil {
		return err
	}
	d.SignerVerifier, err = signature.LoadSignerVerifier(key, crypto.SHA256)
	return err
}

// CreateKey makes a key in the drawer.
func (d *drawer) CreateKey(context.Context, string) (crypto.PublicKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	text, err := cryptoutils.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return nil, err
	}
	return key.Public(), os.WriteFile(d.path, text, 0o600)
}

// CryptoSigner is never asked for from outside.
func (d *drawer) CryptoSigner(context.Context, func(error)) (crypto.Signer, crypto.SignerOpts, error) {
	return nil, nil, fmt.Errorf("not from outside")
}

// SupportedAlgorithms has one.
func (d *drawer) SupportedAlgorithms() []string { return []string{d.DefaultAlgorithm()} }

// DefaultAlgorithm is it.
func (d *drawer) DefaultAlgorithm() string { return "ecdsa-p256" }
