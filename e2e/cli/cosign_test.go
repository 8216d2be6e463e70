package cli_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
)

// cosign is for scripts that show that two tools understand each other.
func (s *script) cosign(ts *testscript.TestScript, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	builder, err := controlplane.NewBuilder(os.Stderr)
	if err != nil {
		return err
	}
	path, err := builder.Cosign(s.t.Context())
	if err != nil {
		return err
	}
	ts.Setenv("PATH", filepath.Dir(path)+string(os.PathListSeparator)+ts.Getenv("PATH"))
	ts.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // nobody listens there
	return nil
}

func (s *script) keypair(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	key, err := newKey(args[0])
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writeFile(ts.MkAbs(args[1]+".pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})); err != nil {
		return err
	}
	return writeFile(ts.MkAbs(args[1]+".pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
}

func newKey(kind string) (crypto.Signer, error) {
	switch kind {
	case "ecdsa":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "rsa":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, errUsage
}
