package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// A trusted root that is of no use ends the agent at the start, rather than refusing everybody later.
func TestTrustedRootFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "trusted_root.json")
	if _, err := newVerifier(file); err == nil || !strings.Contains(err.Error(), "open trusted root") {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(file, []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newVerifier(file); err == nil || !strings.Contains(err.Error(), "it names no certificate authority") {
		t.Errorf("an empty root: %v", err)
	}
	if v, err := newVerifier(""); v == nil || err != nil {
		t.Errorf("none: %v", err)
	}
}

func TestResultOf(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		verified:    nil,
		refused:     &signature.Error{Kind: signature.KindWrongKey},
		unreachable: &signature.Error{Kind: signature.KindUnreachable},
	} {
		if got := resultOf(err); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
	if got := resultOf(context.Canceled); got != unreachable {
		t.Errorf("called off: %s", got)
	}
}
