package cli_test

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-oci/kubectl-oci/e2e/sigstore"
)

func (s *script) startSigstore(ts *testscript.TestScript, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	s.sigstore = sigstore.For(s.t)
	for name, value := range map[string]string{
		"FULCIO_URL": s.sigstore.FulcioURL, "REKOR_URL": s.sigstore.RekorURL, "TIMESTAMP_URL": s.sigstore.TimestampURL, "ISSUER": s.sigstore.IssuerURL,
	} {
		ts.Setenv(name, value)
	}
	for name, content := range map[string][]byte{"trusted_root.json": s.sigstore.TrustedRoot(), "signing_config.json": s.sigstore.SigningConfig()} {
		if err := os.WriteFile(ts.MkAbs(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s *script) token(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	raw, err := s.sigstore.MintToken(args[1])
	if err != nil {
		return err
	}
	s.t.secrets = append(s.t.secrets, raw)
	ts.Setenv(args[0], raw)
	return nil
}
