package cli_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"

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

func (s *script) person(_ *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	s.sigstore.LogIn(args[0])
	return nil
}

func (s *script) pipeline(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	address, secret := s.sigstore.Pipeline(args[0])
	s.t.secrets = append(s.t.secrets, secret, tokenStart)
	ts.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", address)
	ts.Setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", secret)
	return nil
}

// browse is a program: like those that open a browser, it does not wait for what somebody does there.
func browse() {
	const inside = "KUBECTL_OCI_TEST_BROWSER"
	address := os.Args[len(os.Args)-1]
	if os.Getenv(inside) == "" {
		cmd := exec.CommandContext(context.Background(), os.Args[0], address)
		cmd.Env = append(os.Environ(), inside+"=1")
		if err := cmd.Start(); err != nil {
			fail(err)
		}
		return
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		fail(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fail(err)
	}
	resp.Body.Close()
}
