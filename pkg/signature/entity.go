package signature

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// entity is evidence as sigstore-go takes it. Nothing in it is verified.
type entity struct {
	verify.SignedEntity
	name      string // for messages
	hint      string // what it calls the key that made it
	predicate string // what it says
	subjects  []subject
	payload   []byte // of the older signature, which is over these bytes; nil: an envelope
}

// covers tells whether the evidence speaks of a digest.
func (e *entity) covers(d digest.Digest) bool {
	return e.subject(d) != nil
}

// subject is what the evidence says of a digest; nil: nothing.
func (e *entity) subject(d digest.Digest) *subject {
	for i := range e.subjects {
		if e.subjects[i].digest == d {
			return &e.subjects[i]
		}
	}
	return nil
}

// artifact is what sigstore-go is to hold the signature against.
func (e *entity) artifact(d digest.Digest) (verify.ArtifactPolicyOption, error) {
	if e.payload != nil {
		return verify.WithArtifact(bytes.NewReader(e.payload)), nil
	}
	raw, err := hex.DecodeString(d.Encoded())
	return verify.WithArtifactDigest(d.Algorithm().String(), raw), err
}

// made is the signature, and the bytes that it is over.
func (e *entity) made() (*made, error) {
	content, err := e.SignatureContent()
	if err != nil {
		return nil, err
	}
	if e.payload != nil {
		return &made{message: e.payload, signature: content.Signature()}, nil
	}
	envelope := content.EnvelopeContent()
	if envelope == nil {
		return nil, errors.New("it is no envelope")
	}
	if n := len(envelope.RawEnvelope().Signatures); n != 1 {
		return nil, fmt.Errorf("it has %d signatures, not one", n)
	}
	payload, err := envelope.RawEnvelope().DecodeB64Payload()
	if err != nil {
		return nil, err
	}
	return &made{message: dsse.PAE(envelope.RawEnvelope().PayloadType, payload), signature: content.Signature()}, nil
}

// maxParts is how many JSON values evidence may have, beside what it says: that lies in a text. A bundle has about fifty.
const maxParts = 5000

// parse reads a piece of evidence.
func parse(c candidate) (*entity, error) {
	switch {
	case artifact.Values(c.raw) > maxParts:
		return nil, fmt.Errorf("more than %d values", maxParts)
	case isBundle(c.mediaType):
		return parseBundle(c.raw)
	case c.mediaType == mediaTypeSimple:
		return parseSimple(c)
	}
	return parseEnvelope(c)
}

func parseBundle(raw []byte) (*entity, error) {
	var b bundle.Bundle
	if err := b.UnmarshalJSON(raw); err != nil {
		return nil, err
	}
	e := &entity{SignedEntity: &b, hint: b.GetVerificationMaterial().GetPublicKey().GetHint()}
	if b.GetDsseEnvelope() == nil {
		return e, nil // a signature of bytes, which says nothing
	}
	if kind := b.GetDsseEnvelope().GetPayloadType(); kind != mediaTypeInToto {
		return e, nil
	}
	return e, e.read(b.GetDsseEnvelope().GetPayload())
}

// simple is what an older signature is over: "simple signing" of containers/image, with cosign's type.
type simple struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest digest.Digest `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]any `json:"optional"`
}

const typeSimple = "cosign container image signature"

func parseSimple(c candidate) (*entity, error) {
	var s simple
	if err := json.Unmarshal(c.raw, &s); err != nil {
		return nil, fmt.Errorf("parse payload: %w", err)
	}
	if s.Critical.Type != typeSimple {
		return nil, fmt.Errorf("parse payload: type %s is not %q", quote(s.Critical.Type), typeSimple)
	}
	if err := s.Critical.Image.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("parse payload: digest %s: %w", quote(s.Critical.Image.Digest.String()), err)
	}
	sig, err := base64.StdEncoding.DecodeString(c.annotations[annotationSignature])
	if err != nil || len(sig) == 0 {
		return nil, fmt.Errorf("annotation %q holds no signature", annotationSignature)
	}
	sum := sha256.Sum256(c.raw)
	older, err := parseOlder(c.annotations)
	if err != nil {
		return nil, err
	}
	older.content = bundle.NewMessageSignature(sum[:], protocommon.HashAlgorithm_SHA2_256.String(), sig)
	return &entity{
		SignedEntity: older, predicate: predicateSign, payload: c.raw,
		subjects: []subject{{s.Critical.Image.Digest, texts(s.Optional)}},
	}, nil
}

func parseEnvelope(c candidate) (*entity, error) {
	var envelope dsse.Envelope
	if err := json.Unmarshal(c.raw, &envelope); err != nil {
		return nil, fmt.Errorf("parse envelope: %w", err)
	}
	older, err := parseOlder(c.annotations)
	if err != nil {
		return nil, err
	}
	older.content = &bundle.Envelope{Envelope: &envelope}
	e := &entity{SignedEntity: older}
	if envelope.PayloadType != mediaTypeInToto {
		return e, nil
	}
	payload, err := envelope.DecodeB64Payload()
	if err != nil {
		return nil, fmt.Errorf("parse envelope: %w", err)
	}
	return e, e.read(payload)
}
