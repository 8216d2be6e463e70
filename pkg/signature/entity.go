package signature

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// entity is evidence as sigstore-go takes it. Nothing in it is verified.
type entity struct {
	verify.SignedEntity
	name        string // for messages
	hint        string // what it calls the key that made it
	predicate   string // what it says
	subjects    []digest.Digest
	payload     []byte // of the older signature, which is over these bytes; nil: an envelope
	annotations map[string]string
}

// covers tells whether the evidence speaks of a digest.
func (e *entity) covers(d digest.Digest) bool {
	return slices.Contains(e.subjects, d)
}

// artifact is what sigstore-go is to hold the signature against.
func (e *entity) artifact(d digest.Digest) (verify.ArtifactPolicyOption, error) {
	if e.payload != nil {
		return verify.WithArtifact(bytes.NewReader(e.payload)), nil
	}
	raw, err := hex.DecodeString(d.Encoded())
	return verify.WithArtifactDigest(d.Algorithm().String(), raw), err
}

// parse reads a piece of evidence.
func parse(c candidate) (*entity, error) {
	switch {
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

// statement is what is read of an in-toto statement.
type statement struct {
	Subject []struct {
		Digest      map[string]string `json:"digest"`
		Annotations map[string]any    `json:"annotations"`
	} `json:"subject"`
	PredicateType string `json:"predicateType"`
}

const maxSubjects = 1024

func (e *entity) read(payload []byte) error {
	var s statement
	if err := json.Unmarshal(payload, &s); err != nil {
		return fmt.Errorf("parse statement: %w", err)
	}
	if len(s.Subject) > maxSubjects {
		return fmt.Errorf("parse statement: more than %d subjects", maxSubjects)
	}
	e.predicate = s.PredicateType
	for _, subject := range s.Subject {
		d := digest.NewDigestFromEncoded(digest.SHA256, subject.Digest["sha256"])
		if d.Validate() == nil {
			e.subjects = append(e.subjects, d)
		}
		if e.annotations == nil {
			e.annotations = texts(subject.Annotations)
		}
	}
	return nil
}

// texts are the values that are strings.
func texts(values map[string]any) map[string]string {
	all := map[string]string{}
	for name, value := range values {
		if text, ok := value.(string); ok {
			all[name] = text
		}
	}
	return all
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
		subjects: []digest.Digest{s.Critical.Image.Digest}, annotations: texts(s.Optional),
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

// older is evidence of before there were bundles: its parts lie in annotations.
type older struct {
	content     verify.SignatureContent
	certificate *x509.Certificate // nil: made with a key
	entries     []*tlog.Entry
	timestamps  [][]byte
}

const maxAnnotation = 256 << 10 // bytes

func parseOlder(annotations map[string]string) (*older, error) {
	o := &older{}
	for _, part := range []struct {
		annotation string
		parse      func(string) error
	}{
		{annotationCertificate, o.parseCertificate}, {annotationLog, o.parseLog}, {annotationTimestamp, o.parseTimestamp},
	} {
		text := annotations[part.annotation]
		if text == "" {
			continue
		}
		err := errors.New("it is too long")
		if len(text) <= maxAnnotation {
			err = part.parse(text)
		}
		if err != nil {
			return nil, fmt.Errorf("parse annotation %q: %w", part.annotation, err)
		}
	}
	return o, nil
}

func (o *older) parseCertificate(text string) (err error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return errors.New("it is no certificate in PEM")
	}
	o.certificate, err = x509.ParseCertificate(block.Bytes)
	return err
}

// logEntry is what a transparency log promised, as older cosign keeps it.
type logEntry struct {
	SignedEntryTimestamp []byte
	Payload              logPayload
}

type logPayload struct {
	Body           []byte `json:"body"`
	IntegratedTime int64  `json:"integratedTime"` // seconds since 1970
	LogIndex       int64  `json:"logIndex"`
	LogID          string `json:"logID"` // hex
}

func (o *older) parseLog(text string) error {
	var l logEntry
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return err
	}
	id, err := hex.DecodeString(l.Payload.LogID)
	if err != nil || len(id) == 0 {
		return errors.New("the log has no name")
	}
	var kind struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := json.Unmarshal(l.Payload.Body, &kind); err != nil {
		return fmt.Errorf("entry: %w", err)
	}
	entry, err := tlog.ParseTransparencyLogEntry(&protorekor.TransparencyLogEntry{
		LogIndex:          l.Payload.LogIndex,
		LogId:             &protocommon.LogId{KeyId: id},
		KindVersion:       &protorekor.KindVersion{Kind: kind.Kind, Version: kind.Version},
		IntegratedTime:    l.Payload.IntegratedTime,
		InclusionPromise:  &protorekor.InclusionPromise{SignedEntryTimestamp: l.SignedEntryTimestamp},
		CanonicalizedBody: l.Payload.Body,
	})
	if err != nil {
		return err
	}
	o.entries = []*tlog.Entry{entry}
	return nil
}

// timestamp is a TimeStampResp (RFC 3161) as older cosign keeps it.
type timestamp struct{ SignedRFC3161Timestamp []byte }

func (o *older) parseTimestamp(text string) error {
	var t timestamp
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	o.timestamps = [][]byte{t.SignedRFC3161Timestamp}
	return nil
}

// What follows is for sigstore-go.

func (o *older) HasInclusionPromise() bool                          { return len(o.entries) > 0 }
func (o *older) HasInclusionProof() bool                            { return false }
func (o *older) SignatureContent() (verify.SignatureContent, error) { return o.content, nil }
func (o *older) Timestamps() ([][]byte, error)                      { return o.timestamps, nil }
func (o *older) TlogEntries() ([]*tlog.Entry, error)                { return o.entries, nil }

// Version makes sigstore-go accept SHA-256 with longer ECDSA keys, too.
func (o *older) Version() (string, error) { return "v0.1", nil }

func (o *older) VerificationContent() (verify.VerificationContent, error) {
	if o.certificate == nil {
		return &bundle.PublicKey{}, nil
	}
	return bundle.NewCertificate(o.certificate), nil
}

// keyed is older evidence held against a key, whatever certificate lies beside it.
type keyed struct{ *older }

func (keyed) VerificationContent() (verify.VerificationContent, error) {
	return &bundle.PublicKey{}, nil
}
