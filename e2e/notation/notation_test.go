package notation_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	notationgo "github.com/notaryproject/notation-go"
	notationregistry "github.com/notaryproject/notation-go/registry"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/kubectl-oci/kubectl-oci/e2e/notation"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// store has one certificate in each of its parts.
type store struct{ certificate *x509.Certificate }

func (s store) GetCertificates(context.Context, truststore.Type, string) ([]*x509.Certificate, error) {
	return []*x509.Certificate{s.certificate}, nil
}

// What is signed here, the Notary Project's own library finds good or bad as each option says.
func TestNotationAgrees(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options notation.Options
		says    string // empty: good
	}{
		"JWS":                 {},
		"COSE":                {options: notation.Options{COSE: true}},
		"other name":          {notation.Options{Name: "mallory"}, "trusted identities"},
		"other digest":        {notation.Options{Of: digest.FromString("x")}, "mismatch"},
		"expired":             {notation.Options{Expired: true}, "has expired"},
		"certificate expired": {notation.Options{CertificateExpired: true}, "it was expired at"},
		"tampered":            {notation.Options{Tampered: true}, "signature is invalid"},
		"tampered COSE":       {notation.Options{Tampered: true, COSE: true}, "signature is invalid"},
		"malformed":           {notation.Options{Malformed: true}, "unable to parse"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := verify(t, test.options)
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func verify(t *testing.T, o notation.Options) error {
	t.Helper()
	reg := registry.For(t, registry.Options{})
	repo, err := remote.NewRepository(reg.Direct + "/app")
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP = true
	d, err := oras.PackManifest(t.Context(), repo, oras.PackManifestVersion1_1, "application/x", oras.PackManifestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := notation.NewAuthority("acme")
	if err != nil {
		t.Fatal(err)
	}
	reference := reg.Direct + "/app@" + d.Digest.String()
	if err := a.Sign(t.Context(), reference, o); err != nil {
		t.Fatal(err)
	}
	return judge(t, a, repo, d, reference)
}

func judge(t *testing.T, a *notation.Authority, repo *remote.Repository, d ocispec.Descriptor, reference string) error {
	t.Helper()
	block, rest := pem.Decode(a.Certificate())
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil || len(bytes.TrimSpace(rest)) > 0 {
		t.Fatal(err, rest)
	}
	var policy trustpolicy.Document
	if err := json.Unmarshal(notation.Policy(notation.Identity("alice")), &policy); err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(&policy, store{certificate}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// one signature is looked at itself, since the outcome of several is summed up
	signatures := notationregistry.NewRepository(repo)
	var found ocispec.Descriptor
	err = signatures.ListSignatures(t.Context(), d, func(all []ocispec.Descriptor) error {
		if len(all) == 1 {
			found = all[0]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, layer, err := signatures.FetchSignatureBlob(t.Context(), found)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(t.Context(), d, raw, notationgo.VerifierVerifyOptions{ArtifactReference: reference, SignatureMediaType: layer.MediaType})
	return err
}
