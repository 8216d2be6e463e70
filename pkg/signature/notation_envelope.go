package signature

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-core-go/signature/cose"
	"github.com/notaryproject/notation-core-go/signature/jws"
	"github.com/notaryproject/tspclient-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	gocose "github.com/veraison/go-cose"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

const typeNotary = "application/vnd.cncf.notary.signature"

// isNotary tells a manifest that holds a Notary Project signature, by what it says of itself.
func isNotary(m *ocispec.Manifest) bool {
	return m.ArtifactType == typeNotary || m.Config.MediaType == typeNotary
}

func isEnvelope(mediaType string) bool {
	return mediaType == jws.MediaTypeEnvelope || mediaType == cose.MediaTypeEnvelope
}

const (
	maxChain = 10       // certificates in an envelope, or in a timestamp
	maxStamp = 64 << 10 // bytes
)

// parseNotary reads an envelope without verifying it, once its certificates are known to take no long time.
func parseNotary(c candidate) (*signature.EnvelopeContent, error) {
	chain := chainOfJWS
	if c.mediaType == cose.MediaTypeEnvelope {
		chain = chainOfCOSE
	}
	raw, err := chain(c.raw)
	if err != nil {
		return nil, err
	}
	if len(raw) > maxChain {
		return nil, fmt.Errorf("it has more than %d certificates", maxChain)
	}
	for _, der := range raw {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		if err := reasonable([]*x509.Certificate{certificate}); err != nil {
			return nil, err
		}
	}
	envelope, err := signature.ParseEnvelope(c.mediaType, c.raw)
	if err != nil {
		return nil, err
	}
	content, err := envelope.Content()
	if err != nil {
		return nil, err
	}
	return content, understood(content.SignerInfo.SignedAttributes.ExtendedAttributes)
}

// understood refuses attributes that a verifier has to know: the only ones that are usual ask for a plugin, and none is run.
func understood(attributes []signature.Attribute) error {
	for _, a := range attributes {
		if a.Critical {
			return fmt.Errorf("it asks for %s, which is not supported: plugins are not run", quote(fmt.Sprint(a.Key)))
		}
	}
	return nil
}

func chainOfJWS(raw []byte) ([][]byte, error) {
	if artifact.Values(raw) > maxParts {
		return nil, fmt.Errorf("more than %d values", maxParts)
	}
	var envelope struct {
		Header struct {
			Chain [][]byte `json:"x5c"`
		} `json:"header"`
	}
	err := json.Unmarshal(raw, &envelope)
	return envelope.Header.Chain, err
}

func chainOfCOSE(raw []byte) (all [][]byte, err error) {
	var message gocose.Sign1Message
	if err := message.UnmarshalCBOR(raw); err != nil {
		return nil, err
	}
	chain, ok := message.Headers.Unprotected[gocose.HeaderLabelX5Chain].([]any)
	if !ok {
		return nil, errors.New("it has no certificates")
	}
	for _, c := range chain {
		der, _ := c.([]byte) // what is none is no certificate either
		all = append(all, der)
	}
	return all, nil
}

// stampable refuses timestamps that take long to verify. What is none does not, and fails there.
func stampable(raw []byte) error {
	if len(raw) > maxStamp {
		return fmt.Errorf("its timestamp has more than %d KiB", maxStamp>>10)
	}
	token, err := tspclient.ParseSignedToken(raw)
	if err != nil {
		return nil //nolint:nilerr // the verifier says so
	}
	if len(token.Certificates) > maxChain || len(token.SignerInfos) > maxChain {
		return fmt.Errorf("its timestamp has more than %d certificates or signers", maxChain)
	}
	return reasonable(token.Certificates)
}

// targetOf is what an envelope is of. The digest alone decides: it leaves no choice of size, and none of type, for what could be read as
// two is refused wherever it is read.
func targetOf(content *signature.EnvelopeContent) (ocispec.Descriptor, error) {
	var payload struct {
		TargetArtifact ocispec.Descriptor `json:"targetArtifact"`
	}
	if err := json.Unmarshal(content.Payload.Content, &payload); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("parse payload: %w", err)
	}
	return payload.TargetArtifact, payload.TargetArtifact.Digest.Validate()
}
