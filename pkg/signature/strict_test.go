package signature

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
)

// attach signs any content as whom the policy trusts, and attaches it as a signature.
func (b *bench) attach(content sign.Content) {
	b.t.Helper()
	made, err := b.right.bundle(b.t.Context(), content)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := attachBundle(b.t.Context(), b.repo, b.subject, predicateSign, made); err != nil {
		b.t.Fatal(err)
	}
}

// What the right one signed for another purpose is no signature of the artifact.
func TestSignedForAnotherPurpose(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]func(b *bench) sign.Content{
		"another payload type": func(b *bench) sign.Content {
			payload, err := statementPayload(b.subject.Digest, predicateSign, json.RawMessage(`{}`), nil)
			if err != nil {
				b.t.Fatal(err)
			}
			return &sign.DSSEData{Data: payload, PayloadType: "text/plain"}
		},
		"the manifest as a file": func(b *bench) sign.Content {
			raw, _, err := b.repo.Manifest(b.t.Context(), b.subject)
			if err != nil {
				b.t.Fatal(err)
			}
			return &sign.PlainData{Data: raw}
		},
	} {
		for _, keyless := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/keyless=%v", name, keyless), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, keyless, "referrer", nil)
				b.attach(content(b))
				verified, err := b.verify()
				check(t, b, verified, err, KindAttestationOnly, "only attestations or other things")
			})
		}
	}
}

// envelopeOf is an attestation as the older form has it.
func (b *bench) envelopeOf(payloadType string) map[string]any {
	b.t.Helper()
	payload, err := statementPayload(b.subject.Digest, predicateProvenance, json.RawMessage(`{}`), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	made, err := b.right.bundle(b.t.Context(), &sign.DSSEData{Data: payload, PayloadType: payloadType})
	if err != nil {
		b.t.Fatal(err)
	}
	sig := base64.StdEncoding.EncodeToString(made.GetDsseEnvelope().GetSignatures()[0].GetSig())
	return map[string]any{
		"payloadType": payloadType, "payload": base64.StdEncoding.EncodeToString(payload), "signatures": []any{map[string]any{"sig": sig}},
	}
}

func TestOlderEnvelopes(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, "tag", nil)
	two := b.envelopeOf(mediaTypeInToto)
	two["signatures"] = append(two["signatures"].([]any), map[string]any{"sig": "AAAA"})
	for name, test := range map[string]struct {
		envelope map[string]any
		says     string
	}{
		"good":                 {b.envelopeOf(mediaTypeInToto), ""},
		"two signatures":       {two, "it has 2 signatures, not one"},
		"another payload type": {b.envelopeOf("text/plain"), errForeign.Error()},
	} {
		raw, err := json.Marshal(test.envelope)
		if err != nil {
			t.Fatal(err)
		}
		j := &judge{policy: b.policy, public: newPublic(Options{}), subject: b.subject.Digest, predicate: predicateProvenance}
		_, by, err := j.candidate(t.Context(), candidate{"x", mediaTypeEnvelope, raw, nil})
		if test.says == "" && (err != nil || by.Key != "cosign.pub") || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: %+v, %v", name, by, err)
		}
	}
}

// Simple signing payloads are of several types; cosign's alone says that an image was signed.
func TestSimplePayloadOfAnotherType(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	subject := digest.FromString("a")
	for kind, good := range map[string]bool{typeSimple: true, "atomic container signature": false} {
		payload := fmt.Appendf(nil, `{"critical":{"identity":{},"image":{"docker-manifest-digest":"%s"},"type":"%s"},"optional":null}`, subject, kind)
		sum := sha256.Sum256(payload)
		sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		j := &judge{policy: newHolder(t, key).policy(t), public: newPublic(Options{}), subject: subject, predicate: predicateSign}
		annotations := map[string]string{annotationSignature: base64.StdEncoding.EncodeToString(sig)}
		_, _, err = j.candidate(t.Context(), candidate{"x", mediaTypeSimple, payload, annotations})
		if (err == nil) != good || !good && !strings.Contains(err.Error(), "parse payload: type") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// What says of itself that it is something else is not looked at, whatever it is.
func TestEvidenceUnderAnotherName(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b *bench, m *ocispec.Manifest){
		"media type of the layer": func(_ *bench, m *ocispec.Manifest) { m.Layers[0].MediaType = "text/plain" },
		"predicate type": func(_ *bench, m *ocispec.Manifest) {
			m.Annotations = map[string]string{annotationPredicate: predicateProvenance}
		},
		"an envelope, as attestations have it": func(b *bench, m *ocispec.Manifest) {
			m.Layers = []ocispec.Descriptor{pushBytes(b.t, b.repo, mediaTypeEnvelope, b.envelope())}
		},
	} {
		b := newBench(t, false, "tag", nil)
		m := manifestAt(t, b.repo, b.sign(b.right, b.subject))
		change(b, &m)
		pushManifest(t, b.repo, tagOf(b.subject.Digest), m)
		_, err := b.verify()
		if err == nil {
			t.Errorf("%s: it counts", name)
			continue
		}
		checkKind(t, err, KindAttestationOnly, "only attestations or other things")
	}
}

// envelope says in the newer form, and outside of a bundle, that whom the policy trusts has signed the artifact.
func (b *bench) envelope() []byte {
	b.t.Helper()
	payload, err := statementPayload(b.subject.Digest, predicateSign, json.RawMessage(`{}`), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	made, err := b.right.bundle(b.t.Context(), &sign.DSSEData{Data: payload, PayloadType: mediaTypeInToto})
	if err != nil {
		b.t.Fatal(err)
	}
	raw, err := json.Marshal(made.GetDsseEnvelope())
	if err != nil {
		b.t.Fatal(err)
	}
	return raw
}

// A list that was cut may have had a signature in it.
func TestMoreThanAreListed(t *testing.T) {
	t.Parallel()
	var index ocispec.Index
	if err := json.Unmarshal(members(maxListed+1), &index); err != nil {
		t.Fatal(err)
	}
	for i := range index.Manifests {
		index.Manifests[i].Annotations = map[string]string{annotationPredicate: predicateProvenance}
	}
	raw, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, false, "referrer", answer(
		func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/referrers/") },
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
			_, _ = w.Write(raw)
		}))
	verified, err := b.verify()
	check(t, b, verified, err, KindTooMany, "more manifests refer to it than are listed")
}

// trust makes another root of the same Sigstore. Its parts are given as they are in its own root, to be changed.
func (b *bench) trust(change func(f *sigroot.FulcioCertificateAuthority, logs, published map[string]*sigroot.TransparencyLog, s *sigroot.SigstoreTimestampingAuthority)) {
	b.t.Helper()
	p := b.private
	begin := time.Now().Add(-time.Hour)
	f := &sigroot.FulcioCertificateAuthority{
		Root: p.authority, Intermediates: []*x509.Certificate{p.intermediate}, URI: "https://fulcio.example.com", ValidityPeriodStart: begin,
	}
	s := &sigroot.SigstoreTimestampingAuthority{
		Root: p.authority, Intermediates: []*x509.Certificate{p.stampers}, Leaf: p.stamper, URI: "https://stamps.example.com", ValidityPeriodStart: begin,
	}
	logs, published := p.logs(b.t), map[string]*sigroot.TransparencyLog{}
	change(f, logs, published, s)
	r, err := sigroot.NewTrustedRoot(sigroot.TrustedRootMediaType01, []sigroot.CertificateAuthority{f}, published, []sigroot.TimestampingAuthority{s}, logs)
	if err != nil {
		b.t.Fatal(err)
	}
	if p.root, err = r.MarshalJSON(); err != nil {
		b.t.Fatal(err)
	}
	b.policy = p.policy(b.t, alice)
}

// What a root asks for is asked of all, and nobody is trusted for longer than it says.
func TestRootsAreStrict(t *testing.T) {
	t.Parallel()
	past := time.Now().Add(-30 * time.Minute)
	type logs = map[string]*sigroot.TransparencyLog
	for name, test := range map[string]struct {
		change func(f *sigroot.FulcioCertificateAuthority, logs, published logs, s *sigroot.SigstoreTimestampingAuthority)
		kind   Kind
		says   string
	}{
		"nothing changed": {func(*sigroot.FulcioCertificateAuthority, logs, logs, *sigroot.SigstoreTimestampingAuthority) {}, 0, ""},
		"certificates are published": {func(_ *sigroot.FulcioCertificateAuthority, own, published logs, _ *sigroot.SigstoreTimestampingAuthority) {
			maps.Copy(published, own)
		}, KindUntrusted, "no certificate transparency log of the trusted root knows"},
		"the authority's time is over": {func(f *sigroot.FulcioCertificateAuthority, _, _ logs, _ *sigroot.SigstoreTimestampingAuthority) {
			f.ValidityPeriodEnd = past
		}, KindUntrusted, "when the trusted root did not trust its authority"},
		"the log's time is over": {func(_ *sigroot.FulcioCertificateAuthority, own, _ logs, _ *sigroot.SigstoreTimestampingAuthority) {
			for _, l := range own {
				l.ValidityPeriodStart, l.ValidityPeriodEnd = past.Add(-time.Hour), past
			}
		}, KindLog, "of no log that the trusted root names"},
		"the timestamp authority's time is over": {func(_ *sigroot.FulcioCertificateAuthority, own, _ logs, s *sigroot.SigstoreTimestampingAuthority) {
			clear(own)
			s.ValidityPeriodEnd = past
		}, KindExpired, "nothing proves"},
	} {
		for _, storage := range []string{"referrer", "tag"} {
			t.Run(storage+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, true, storage, nil)
				b.trust(test.change)
				signer, err := NewSigner(SignerOptions{
					Token: token(alice), Fulcio: b.private.server.URL, Log: b.private.server.URL, Timestamp: b.private.server.URL + "/api/v1/timestamp",
				})
				if err != nil {
					t.Fatal(err)
				}
				b.sign(signer, b.subject)
				verified, err := b.verify()
				check(t, b, verified, err, test.kind, test.says)
			})
		}
	}
}

// What lies beside an older signature is part of it.
func TestAnnotationsOfAnother(t *testing.T) {
	t.Parallel()
	t.Run("certificate", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, true, "tag", nil)
		other := manifestAt(t, b.repo, b.sign(b.wrong, pushArtifact(t, b.repo))).Layers[0].Annotations[annotationCertificate]
		b.move(b.sign(b.right, b.subject), func(raw []byte, annotations map[string]string) []byte {
			annotations[annotationCertificate] = other
			return raw
		})
		verified, err := b.verify()
		check(t, b, verified, err, KindTampered, "does not fit what is signed")
	})
	t.Run("time", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, true, "tag", nil)
		b.move(b.sign(b.right, b.subject), func(raw []byte, annotations map[string]string) []byte {
			var l logEntry
			if err := json.Unmarshal([]byte(annotations[annotationLog]), &l); err != nil {
				t.Fatal(err)
			}
			l.Payload.IntegratedTime++
			text, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			annotations[annotationLog] = string(text)
			return raw
		})
		verified, err := b.verify()
		check(t, b, verified, err, KindLog, "for something else")
	})
}

// Names of a kind that Go does not know are no reason to say that the authority is another one.
func TestExtensionsThatGoDoesNotKnow(t *testing.T) {
	t.Parallel()
	f := readFixture(t)
	for _, c := range f.candidates() {
		e, err := parse(c)
		if err != nil {
			t.Fatal(err)
		}
		content, err := e.VerificationContent()
		if err != nil {
			t.Fatal(err)
		}
		leaf := content.Certificate()
		if leaf == nil {
			continue
		}
		leaf.UnhandledCriticalExtensions = []asn1.ObjectIdentifier{{1, 2, 3}}
		if m := f.judge(t, digest.FromString("x")).diagnoseIdentity(e, leaf); m.Kind != KindOtherDigest {
			t.Errorf("got %v", m)
		}
	}
}

// Messages have a bound, however many are trusted.
func TestMessagesNameAFew(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, "referrer", nil)
	keys := map[string][]byte{}
	for i := range maxKeys {
		keys[fmt.Sprint(i, strings.Repeat("n", 300))] = newHolder(t, newKey(t)).public
	}
	b.policy = policyOf(t, Trust{Keys: keys})
	b.sign(b.right, b.subject)
	_, err := b.verify()
	checkKind(t, err, KindWrongKey, "61 more")
	if n := len(err.Error()); n > 1000 {
		t.Errorf("%d bytes", n)
	}
}
