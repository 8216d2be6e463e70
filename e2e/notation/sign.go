package notation

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-core-go/signature/cose"
	"github.com/notaryproject/notation-core-go/signature/jws"
	notationregistry "github.com/notaryproject/notation-go/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
)

// Options say how to sign. The zero value is a good JWS envelope by "alice".
type Options struct {
	COSE        bool              // the other envelope
	Name        string            // whom the certificate is for; empty: alice
	Annotations map[string]string // that are signed, too

	Of                 digest.Digest // what is signed in place of what it is attached to: a signature of something else
	Expired            bool          // the signature was good for some days, which have passed
	CertificateExpired bool          // it was made in time, which nothing proves, by somebody whose certificate has ended since
	Tampered           bool          // what was signed is not what it says now
	Malformed          bool          // it is no envelope
}

// Sign attaches a signature to the manifest that reference names, as in host:port/repository@sha256:…, by plain HTTP.
func (a *Authority) Sign(ctx context.Context, reference string, o Options) error {
	repo, err := remote.NewRepository(reference)
	if err != nil {
		return fmt.Errorf("sign %q: %w", reference, err)
	}
	repo.PlainHTTP = true
	subject, err := repo.Resolve(ctx, repo.Reference.Reference)
	if err != nil {
		return fmt.Errorf("sign %q: %w", reference, err)
	}
	mediaType := jws.MediaTypeEnvelope
	if o.COSE {
		mediaType = cose.MediaTypeEnvelope
	}
	raw, err := a.envelope(mediaType, subject, o)
	if err != nil {
		return fmt.Errorf("sign %q: %w", reference, err)
	}
	_, _, err = notationregistry.NewRepository(repo).PushSignature(ctx, mediaType, raw, subject, nil)
	if err != nil {
		return fmt.Errorf("attach signature to %q: %w", reference, err)
	}
	return nil
}

// envelope signs what is to be said of a manifest.
func (a *Authority) envelope(mediaType string, subject ocispec.Descriptor, o Options) ([]byte, error) {
	if o.Malformed {
		return []byte("no envelope"), nil
	}
	target := ocispec.Descriptor{
		MediaType: subject.MediaType, Digest: cmp.Or(o.Of, subject.Digest), Size: subject.Size, Annotations: o.Annotations,
	}
	payload, err := json.Marshal(map[string]any{"targetArtifact": target})
	if err != nil {
		return nil, err
	}
	signer, err := a.signer(o)
	if err != nil {
		return nil, err
	}
	request := &signature.SignRequest{
		Payload:       signature.Payload{ContentType: "application/vnd.cncf.notary.payload.v1+json", Content: payload},
		Signer:        signer,
		SigningTime:   time.Now(),
		SigningScheme: signature.SigningSchemeX509,
		SigningAgent:  "kubectl-oci-e2e",
	}
	if o.Expired || o.CertificateExpired {
		request.SigningTime = time.Now().Add(-5 * day)
	}
	if o.Expired {
		request.Expiry = time.Now().Add(-2 * day)
	}
	envelope, err := signature.NewEnvelope(mediaType)
	if err != nil {
		return nil, err
	}
	raw, err := envelope.Sign(request)
	if err == nil && o.Tampered {
		return tamper(raw, envelope)
	}
	return raw, err
}

// signer has a fresh key, and a certificate of the authority.
func (a *Authority) signer(o Options) (signature.Signer, error) {
	template := &x509.Certificate{
		Subject: subject(cmp.Or(o.Name, "alice")), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		NotBefore:   time.Now().Add(-10 * day), NotAfter: time.Now().Add(day),
	}
	if o.CertificateExpired {
		template.NotAfter = time.Now().Add(-2 * day)
	}
	leaf, key, err := issue(template, a)
	if err != nil {
		return nil, err
	}
	return signature.NewLocalSigner([]*x509.Certificate{leaf, a.certificate}, key)
}

// tamper changes a bit of the signature.
func tamper(raw []byte, envelope signature.Envelope) ([]byte, error) {
	content, err := envelope.Content()
	if err != nil {
		return nil, err
	}
	good := content.SignerInfo.Signature
	changed := bytes.Clone(good)
	changed[len(changed)/2] ^= 1
	if bytes.Contains(raw, good) { // CBOR
		return bytes.Replace(raw, good, changed, 1), nil
	}
	before, after := base64.RawURLEncoding.EncodeToString(good), base64.RawURLEncoding.EncodeToString(changed)
	if !bytes.Contains(raw, []byte(before)) {
		return nil, errors.New("tamper: the envelope does not hold its signature")
	}
	return bytes.Replace(raw, []byte(before), []byte(after), 1), nil
}
