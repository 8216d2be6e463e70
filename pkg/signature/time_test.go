package signature

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	tsp "github.com/digitorus/timestamp"
	"github.com/opencontainers/go-digest"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
)

// stamp puts a timestamp over the signature into evidence.
func (b *bench) stamp(raw []byte, annotations map[string]string) []byte {
	b.t.Helper()
	if b.form == FormTag {
		sig, err := base64.StdEncoding.DecodeString(annotations[annotationSignature])
		if err != nil {
			b.t.Fatal(err)
		}
		text, err := json.Marshal(timestamp{b.stampOf(sig)})
		if err != nil {
			b.t.Fatal(err)
		}
		annotations[annotationTimestamp] = string(text)
		return b.dropLog(raw, annotations)
	}
	var bundle map[string]any
	if err := json.Unmarshal(b.dropLog(raw, annotations), &bundle); err != nil {
		b.t.Fatal(err)
	}
	first := bundle["dsseEnvelope"].(map[string]any)["signatures"].([]any)[0].(map[string]any)
	sig, err := base64.StdEncoding.DecodeString(first["sig"].(string))
	if err != nil {
		b.t.Fatal(err)
	}
	bundle["verificationMaterial"].(map[string]any)["timestampVerificationData"] = map[string]any{
		"rfc3161Timestamps": []any{map[string]any{"signedTimestamp": b.stampOf(sig)}},
	}
	changed, err := json.Marshal(bundle)
	if err != nil {
		b.t.Fatal(err)
	}
	return changed
}

func (b *bench) stampOf(sig []byte) []byte {
	b.t.Helper()
	sum := sha256.Sum256(sig)
	response, err := b.private.stampOf(&tsp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true})
	if err != nil {
		b.t.Fatal(err)
	}
	return response
}

// A Sigstore may have no log: its timestamp authority says when signatures were made.
func TestTimestamps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		issued func() time.Time
		change func(b *bench) func([]byte, map[string]string) []byte
		kind   Kind
		says   string
	}{
		"within":     {change: func(b *bench) func([]byte, map[string]string) []byte { return b.stamp }},
		"none":       {change: func(b *bench) func([]byte, map[string]string) []byte { return b.dropLog }, kind: KindExpired, says: "nothing proves"},
		"after":      {issued: longAgo, change: func(b *bench) func([]byte, map[string]string) []byte { return b.stamp }, kind: KindExpired, says: "was timestamped at"},
		"of another": {change: (*bench).stampOfAnother, kind: KindExpired, says: "nothing proves"},
	} {
		for _, storage := range []string{"referrer", "tag"} {
			t.Run(storage+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, true, storage, nil)
				b.private.root = b.private.trustedRoot(t, map[string]*sigroot.TransparencyLog{})
				b.policy = b.private.policy(t, alice)
				var issued time.Time
				if tc.issued != nil {
					issued = tc.issued()
				}
				b.private.set(issued, time.Time{}, false)
				made := b.sign(b.right, b.subject)
				b.move(made, tc.change(b))
				verified, err := b.verify()
				check(t, b, verified, err, tc.kind, tc.says)
			})
		}
	}
}

func (b *bench) stampOfAnother() func([]byte, map[string]string) []byte {
	return func(raw []byte, annotations map[string]string) []byte {
		one := *b
		one.private = newPrivate(b.t)
		return one.stamp(raw, annotations)
	}
}

// move takes evidence, changed, to a registry where nothing else is attached.
func (b *bench) move(from digest.Digest, change func([]byte, map[string]string) []byte) {
	b.t.Helper()
	m := manifestAt(b.t, b.repo, from)
	raw := change(blobOf(b.t, b.repo, m.Layers[0]), m.Layers[0].Annotations)
	elsewhere := open(b.t, host(b.t, false, nil))
	layer := pushBytes(b.t, elsewhere, m.Layers[0].MediaType, raw)
	layer.Annotations = m.Layers[0].Annotations
	pushBytes(b.t, elsewhere, m.Config.MediaType, []byte("{}"))
	m.Layers[0], m.Config.Digest = layer, ""
	tag := ""
	if m.Subject == nil {
		tag = tagOf(b.subject.Digest)
	}
	pushManifest(b.t, elsewhere, tag, m)
	b.repo = elsewhere
}

// A signer asks the timestamp authority itself.
func TestSigningWithTimestamps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before bool
		kind   Kind
		says   string
	}{
		"expired, stamped before": {before: true},
		"expired, stamped after":  {false, KindExpired, "was timestamped at"},
	} {
		for _, storage := range []string{"referrer", "tag"} {
			t.Run(storage+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, true, storage, nil)
				b.private.root = b.private.trustedRoot(t, map[string]*sigroot.TransparencyLog{})
				b.policy = b.private.policy(t, alice)
				signer, err := NewSigner(SignerOptions{
					Token: token(alice), Fulcio: b.private.server.URL, Log: b.private.server.URL,
					Timestamp: b.private.server.URL + "/api/v1/timestamp",
				})
				if err != nil {
					t.Fatal(err)
				}
				var stamped time.Time
				if tc.before {
					stamped = withinLongAgo()
				}
				b.private.set(longAgo(), stamped, true)
				b.move(b.sign(signer, b.subject), b.dropLog)
				verified, err := b.verify()
				check(t, b, verified, err, tc.kind, tc.says)
			})
		}
	}
}
