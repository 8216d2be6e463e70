package signature

import (
	"cmp"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/sign"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// SignerOptions say as whom to sign: one of Key and Token is needed.
type SignerOptions struct {
	Key   crypto.Signer // signs with this key
	Token string        // signs as the identity that this OpenID token is for, with a key made for the occasion; its audience is sigstore

	// Addresses of services. What is empty is not asked, but that with a token an empty Fulcio is that of sigstore's public good
	// instance, and an empty Log then, too: what a private authority certifies goes into no public log.
	Fulcio    string // certificate authority
	Log       string // transparency log (Rekor, first version)
	Timestamp string // timestamp authority (RFC 3161)

	Timeout time.Duration // for each request to them; zero: 30 seconds
}

// Addresses of sigstore's public good instance. What is signed there is public for ever.
const (
	publicFulcio = "https://fulcio.sigstore.dev"
	publicLog    = "https://rekor.sigstore.dev"
)

const serviceTimeout = 30 * time.Second

// Signer signs digests and attests to them. It is safe for concurrent use.
type Signer struct {
	key     *keypair // nil: one is made each time
	options SignerOptions
}

// NewSigner checks as whom to sign. It asks nobody yet.
func NewSigner(o SignerOptions) (*Signer, error) {
	if (o.Key == nil) == (o.Token == "") {
		return nil, errors.New("make signer: it needs either a key or an identity token")
	}
	if o.Timeout <= 0 {
		o.Timeout = serviceTimeout
	}
	s := &Signer{options: o}
	if o.Key == nil {
		if o.Fulcio == "" {
			s.options.Fulcio, s.options.Log = publicFulcio, cmp.Or(o.Log, publicLog)
		}
		return s, nil
	}
	var err error
	if s.key, err = newKeypair(o.Key); err != nil {
		return nil, fmt.Errorf("make signer: %w", err)
	}
	return s, nil
}

// AttachOptions say how to keep what was signed.
type AttachOptions struct {
	Form        Form              // empty: FormBundle
	Annotations map[string]string // of a signature: they are signed with it
}

// Sign signs subject, a descriptor as [registry.Repository.Resolve] gives it, and attaches the signature to it in repo. It returns the
// digest of the manifest that holds the signature.
func (s *Signer) Sign(ctx context.Context, repo *registry.Repository, subject ocispec.Descriptor, o AttachOptions) (digest.Digest, error) {
	d, err := s.sign(ctx, repo, subject, o)
	if err != nil {
		return "", fmt.Errorf("sign %q: %w", repo.Reference().At(subject.Digest), err)
	}
	return d, nil
}

func (s *Signer) sign(ctx context.Context, repo *registry.Repository, subject ocispec.Descriptor, o AttachOptions) (digest.Digest, error) {
	if o.Form == FormTag {
		payload, err := simplePayload(repo.Reference().Name(), subject.Digest, o.Annotations)
		if err != nil {
			return "", err
		}
		b, err := s.bundle(ctx, &sign.PlainData{Data: payload})
		if err != nil {
			return "", err
		}
		layer := descriptor(mediaTypeSimple, payload)
		if layer.Annotations, err = olderAnnotations(b); err != nil {
			return "", err
		}
		return attachLayer(ctx, repo, registry.FallbackTag(subject.Digest)+suffixSignature, layer, payload)
	}
	payload, err := statementPayload(subject.Digest, predicateSign, json.RawMessage("{}"), o.Annotations)
	if err != nil {
		return "", err
	}
	return s.attach(ctx, repo, subject, predicateSign, payload)
}

// Attest signs a statement about subject, whose predicate is JSON of the given type, and attaches it. It returns the digest of the
// manifest that holds it.
func (s *Signer) Attest(
	ctx context.Context, repo *registry.Repository, subject ocispec.Descriptor, predicateType string, predicate json.RawMessage, o AttachOptions,
) (digest.Digest, error) {
	d, err := s.attest(ctx, repo, subject, predicateType, predicate, o)
	if err != nil {
		return "", fmt.Errorf("attest %q: %w", repo.Reference().At(subject.Digest), err)
	}
	return d, nil
}

func (s *Signer) attest(
	ctx context.Context, repo *registry.Repository, subject ocispec.Descriptor, predicateType string, predicate json.RawMessage, o AttachOptions,
) (digest.Digest, error) {
	switch {
	case predicateType == "" || predicateType == predicateSign:
		return "", fmt.Errorf("%q is no predicate type of an attestation", predicateType)
	case len(predicate) > maxAttestation/2: // it is kept in base64
		return "", fmt.Errorf("the predicate has more than %s", mebibytes(maxAttestation/2))
	case artifact.Values(predicate) > maxValues-maxSubjectValues:
		return "", fmt.Errorf("the predicate has more than %d values", maxValues-maxSubjectValues)
	}
	payload, err := statementPayload(subject.Digest, predicateType, predicate, o.Annotations)
	if err != nil {
		return "", err
	}
	if o.Form != FormTag {
		return s.attach(ctx, repo, subject, predicateType, payload)
	}
	b, err := s.bundle(ctx, &sign.DSSEData{Data: payload, PayloadType: mediaTypeInToto})
	if err != nil {
		return "", err
	}
	envelope, err := json.Marshal(b.GetDsseEnvelope()) // byte for byte what the log was told: cosign holds it against the entry
	if err != nil {
		return "", err
	}
	layer := descriptor(mediaTypeEnvelope, envelope)
	if layer.Annotations, err = olderAnnotations(b); err != nil {
		return "", err
	}
	layer.Annotations[annotationPredicate2] = predicateType
	return attachLayer(ctx, repo, registry.FallbackTag(subject.Digest)+suffixAttestation, layer, envelope)
}

// attach signs a statement and keeps it as a bundle.
func (s *Signer) attach(
	ctx context.Context, repo *registry.Repository, subject ocispec.Descriptor, predicateType string, payload []byte,
) (digest.Digest, error) {
	b, err := s.bundle(ctx, &sign.DSSEData{Data: payload, PayloadType: mediaTypeInToto})
	if err != nil {
		return "", err
	}
	return attachBundle(ctx, repo, subject, predicateType, b)
}

// bundle signs, and gathers what proves by whom and when.
func (s *Signer) bundle(ctx context.Context, content sign.Content) (*protobundle.Bundle, error) {
	o := sign.BundleOptions{Context: ctx}
	key := s.key
	if key == nil {
		var err error
		if key, err = ephemeral(); err != nil {
			return nil, err
		}
		fulcio := sign.NewFulcio(&sign.FulcioOptions{BaseURL: s.options.Fulcio, Timeout: s.options.Timeout, Retries: 1})
		o.CertificateProvider = authority{fulcio, s.options.Fulcio}
		o.CertificateProviderOptions = &sign.CertificateProviderOptions{IDToken: s.options.Token}
	}
	if s.options.Log != "" {
		rekor := sign.NewRekor(&sign.RekorOptions{BaseURL: s.options.Log, Timeout: s.options.Timeout, Retries: 1})
		o.TransparencyLogs = []sign.Transparency{logbook{rekor, s.options.Log}}
	}
	if s.options.Timestamp != "" {
		stamper := sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{URL: s.options.Timestamp, Timeout: s.options.Timeout, Retries: 1})
		o.TimestampAuthorities = []*sign.TimestampAuthority{stamper}
	}
	b, err := gather(ctx, content, key, o)
	if e, ok := errors.AsType[*url.Error](err); ok && e.URL == s.options.Timestamp { // the library takes none but its own client
		err = &ServiceError{Service: "timestamp authority", Address: s.options.Timestamp, Err: err}
	}
	return b, err
}

// gather is sign.Bundle for who may call it off: two of its three services know no context. What they were asked by then, they do.
func gather(ctx context.Context, content sign.Content, key *keypair, o sign.BundleOptions) (*protobundle.Bundle, error) {
	done := make(chan struct{})
	var made *protobundle.Bundle
	var failed error
	go func() {
		defer close(done)
		made, failed = sign.Bundle(content, key, o)
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-done:
		return made, failed
	}
}
