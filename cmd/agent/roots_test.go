package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"testing"
)

// In an image without files the agent must still know whom to trust: a process that finds no certificate of the system's.
func TestAuthoritiesWithoutASystem(t *testing.T) {
	t.Parallel()
	const child = "AGENT_TEST_AUTHORITIES"
	if os.Getenv(child) != "" {
		pool, err := x509.SystemCertPool()
		if err != nil || pool.Equal(x509.NewCertPool()) {
			t.Errorf("there is no authority: %v", err)
		}
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAuthoritiesWithoutASystem$")
	cmd.Env = append(os.Environ(), child+"=1", "SSL_CERT_FILE=/nowhere", "SSL_CERT_DIR=/nowhere")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
