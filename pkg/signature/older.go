package signature

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

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
