package signature

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
)

// toBundle gives what sigstore's tests make the form in which it travels.
func toBundle(t *testing.T, e *ca.TestEntity) *protobundle.Bundle {
	t.Helper()
	content, err := e.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	by, err := e.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := e.TlogEntries()
	if err != nil {
		t.Fatal(err)
	}
	stamps, err := e.Timestamps()
	if err != nil {
		t.Fatal(err)
	}
	envelope := content.EnvelopeContent().RawEnvelope()
	payload, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return &protobundle.Bundle{
		MediaType: mediaTypeBundle,
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			Payload: payload, PayloadType: envelope.PayloadType, Signatures: []*protodsse.Signature{{Sig: content.Signature()}},
		}},
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content: &protobundle.VerificationMaterial_Certificate{
				Certificate: &protocommon.X509Certificate{RawBytes: by.Certificate().Raw},
			},
			TlogEntries: []*protorekor.TransparencyLogEntry{entries[0].TransparencyLogEntry()},
			TimestampVerificationData: &protobundle.TimestampVerificationData{
				Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamps[0]}},
			},
		},
	}
}

// The second version of the log gives no times: a timestamp authority does.
func TestSecondVersionOfTheLog(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(b *protobundle.Bundle, p *private, subject ocispec.Descriptor)
		kind   Kind
		says   string
	}{
		"good": {change: func(*protobundle.Bundle, *private, ocispec.Descriptor) {}},
		"no timestamp": {func(b *protobundle.Bundle, _ *private, _ ocispec.Descriptor) {
			b.VerificationMaterial.TimestampVerificationData = nil
		}, KindExpired, "nothing proves"},
		"another's entry": {func(b *protobundle.Bundle, p *private, subject ocispec.Descriptor) {
			b.VerificationMaterial.TlogEntries = toBundle(t, logged(t, p, subject)).VerificationMaterial.TlogEntries
		}, KindLog, "for something else"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newSecond(t)
			b := &bench{t: t, repo: open(t, host(t, true, nil)), form: FormBundle, keyless: true, private: p, policy: p.policy(t, alice)}
			b.subject = pushArtifact(t, b.repo)
			made := toBundle(t, logged(t, p, b.subject))
			tc.change(made, p, b.subject)
			if _, err := attachBundle(t.Context(), b.repo, b.subject, predicateSign, made); err != nil {
				t.Fatal(err)
			}
			verified, err := b.verify()
			check(t, b, verified, err, tc.kind, tc.says)
		})
	}
}

// newSecond is a Sigstore with that log. Its timestamp authority lasts for minutes: each test needs its own when it has its turn.
func newSecond(t *testing.T) *private {
	t.Helper()
	p := newPrivate(t)
	r, err := sigroot.NewTrustedRoot(sigroot.TrustedRootMediaType01, p.FulcioCertificateAuthorities(), nil, p.TimestampingAuthorities(), p.logs(t))
	if err != nil {
		t.Fatal(err)
	}
	if p.root, err = r.MarshalJSON(); err != nil {
		t.Fatal(err)
	}
	return p
}

func logged(t *testing.T, p *private, subject ocispec.Descriptor) *ca.TestEntity {
	t.Helper()
	payload, err := statementPayload(subject.Digest, predicateSign, json.RawMessage("{}"), map[string]string{"team": "a"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := p.AttestAtTimeHashedRekordV2(alice, issuer, payload, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return e
}
