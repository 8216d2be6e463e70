package signature

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

const predicateProvenance = "https://slsa.dev/provenance/v1"

// bench is one way to sign and one way to keep signatures, with a fresh artifact.
type bench struct {
	t       *testing.T
	repo    *registry.Repository
	address string
	form    Form
	subject ocispec.Descriptor
	keyless bool
	private *private
	right   *Signer // whom the policy trusts
	wrong   *Signer
	policy  *Policy
}

func newBench(t *testing.T, keyless bool, storage string, middleware func(http.Handler) http.Handler) *bench {
	t.Helper()
	b := &bench{t: t, form: FormBundle, keyless: keyless}
	if storage == "tag" {
		b.form = FormTag
	}
	b.address = host(t, storage == "referrer", middleware)
	b.repo = open(t, b.address)
	b.subject = pushArtifact(t, b.repo)
	if keyless {
		b.private = newPrivate(t)
		b.right, b.wrong, b.policy = b.private.signer(t, alice), b.private.signer(t, mallory), b.private.policy(t, alice)
		return b
	}
	right, wrong := newHolder(t, newKey(t)), newHolder(t, newKey(t))
	b.right, b.wrong, b.policy = right.signer, wrong.signer, right.policy(t)
	return b
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (b *bench) sign(s *Signer, subject ocispec.Descriptor) digest.Digest {
	b.t.Helper()
	d, err := s.Sign(b.t.Context(), b.repo, subject, AttachOptions{Form: b.form, Annotations: map[string]string{"team": "a"}})
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func (b *bench) verify() (Verified, error) {
	return NewVerifier(Options{}).Verify(b.t.Context(), b.repo, b.subject.Digest, b.policy)
}

// graft attaches the layers of one piece of evidence to the bench's artifact, changed.
func (b *bench) graft(from digest.Digest, change func(raw []byte, annotations map[string]string) []byte) {
	b.t.Helper()
	m := manifestAt(b.t, b.repo, from)
	for i, l := range m.Layers {
		m.Layers[i] = pushBytes(b.t, b.repo, l.MediaType, change(blobOf(b.t, b.repo, l), l.Annotations))
		m.Layers[i].Annotations = l.Annotations
	}
	if m.Subject != nil {
		m.Subject = &b.subject
		pushManifest(b.t, b.repo, "", m)
		return
	}
	pushManifest(b.t, b.repo, tagOf(b.subject.Digest), m)
}

func same(raw []byte, _ map[string]string) []byte { return raw }

// changeSignature changes the signature, wherever it is kept.
func (b *bench) changeSignature(raw []byte, annotations map[string]string) []byte {
	if b.form == FormBundle {
		return flip(b.t, raw, `"sig":"`)
	}
	annotations[annotationSignature] = string(flip(b.t, []byte(annotations[annotationSignature]), ""))
	return raw
}

// changePayload makes a signature of another artifact say that it is of the bench's.
func (b *bench) changePayload(other digest.Digest) func([]byte, map[string]string) []byte {
	swap := func(text []byte) []byte {
		return bytes.ReplaceAll(text, []byte(other.Encoded()), []byte(b.subject.Digest.Encoded()))
	}
	return func(raw []byte, _ map[string]string) []byte {
		if b.form == FormTag {
			return swap(raw)
		}
		var bundle map[string]any
		if err := json.Unmarshal(raw, &bundle); err != nil {
			b.t.Fatal(err)
		}
		envelope := bundle["dsseEnvelope"].(map[string]any)
		payload, err := base64.StdEncoding.DecodeString(envelope["payload"].(string))
		if err != nil {
			b.t.Fatal(err)
		}
		envelope["payload"] = base64.StdEncoding.EncodeToString(swap(payload))
		changed, err := json.Marshal(bundle)
		if err != nil {
			b.t.Fatal(err)
		}
		return changed
	}
}

// cell is one way in which evidence is good or bad.
type cell struct {
	prepare func(b *bench)
	kind    Kind   // zero: good
	says    string // a part of the message
	keyKind Kind   // where it differs with a key: under the older tag nothing tells a changed signature from another key's
	keySays string
	only    string // key or keyless; empty: both
	bundled bool   // only in bundles: beside the older layer the log's promise is the time
}

// longAgo is when certificates were issued that ended 90 seconds before a test has its turn; the authorities themselves are as new as the test.
func longAgo() time.Time { return time.Now().Add(-11*time.Minute - 30*time.Second) }

// withinLongAgo is ten seconds before their end.
func withinLongAgo() time.Time { return longAgo().Add(9*time.Minute + 50*time.Second) }

func cells() map[string]cell {
	return map[string]cell{
		"good":         {prepare: func(b *bench) { b.sign(b.right, b.subject) }},
		"good of many": {prepare: func(b *bench) { b.sign(b.wrong, b.subject); b.sign(b.right, b.subject); b.sign(b.wrong, b.subject) }},
		"somebody else": {
			prepare: func(b *bench) { b.sign(b.wrong, b.subject) },
			kind:    KindWrongIdentity, says: `by "mallory@example.com", vouched for by "https://accounts.example.com", but wanted is subject "alice@example.com"`,
			keyKind: KindWrongKey, keySays: `"cosign.pub"`,
		},
		"several others": {
			prepare: func(b *bench) { b.sign(b.wrong, b.subject); b.sign(b.wrong, b.subject) },
			kind:    KindWrongIdentity, says: "(and 1 more that does not count)", keyKind: KindWrongKey, keySays: "(and 1 more that does not count)",
		},
		"other digest": {
			prepare: func(b *bench) { b.graft(b.sign(b.right, pushArtifact(b.t, b.repo)), same) },
			kind:    KindOtherDigest, says: "is of sha256:",
		},
		"attestation only": {
			prepare: func(b *bench) {
				_, err := b.right.Attest(b.t.Context(), b.repo, b.subject, predicateProvenance, json.RawMessage(`{}`), AttachOptions{Form: b.form})
				if err != nil {
					b.t.Fatal(err)
				}
			},
			kind: KindAttestationOnly, says: "only attestations",
		},
		"changed signature": {
			prepare: func(b *bench) { b.graft(b.sign(b.right, pushArtifact(b.t, b.repo)), b.changeSignature) },
			kind:    KindTampered, says: "was changed",
		},
		"changed payload": {
			prepare: func(b *bench) {
				other := pushArtifact(b.t, b.repo)
				b.graft(b.sign(b.right, other), b.changePayload(other.Digest))
			},
			kind: KindTampered, says: "was changed",
		},
		"missing": {prepare: func(*bench) {}, kind: KindMissing, says: "no signature is attached"},
		"expired": {
			prepare: func(b *bench) { b.private.set(longAgo(), withinLongAgo(), true); b.sign(b.right, b.subject) },
			kind:    KindExpired, says: "nothing proves that it was made before", only: "keyless", bundled: true,
		},
		"logged after the end": {
			prepare: func(b *bench) { b.private.set(longAgo(), time.Time{}, false); b.sign(b.right, b.subject) },
			kind:    KindExpired, says: "was logged at", only: "keyless",
		},
		"expired, logged before": {
			prepare: func(b *bench) { b.private.set(longAgo(), withinLongAgo(), false); b.sign(b.right, b.subject) }, only: "keyless",
		},
		"another's log entry": {
			prepare: func(b *bench) {
				first, second := b.sign(b.right, pushArtifact(b.t, b.repo)), b.sign(b.right, pushArtifact(b.t, b.repo))
				b.graft(first, b.swapLog(second))
			},
			kind: KindLog, says: "for something else", only: "keyless",
		},
		"no log entry": {
			prepare: func(b *bench) { b.move(b.sign(b.right, b.subject), b.dropLog) },
			kind:    KindLog, says: "no entry in a transparency log", only: "keyless",
		},
		"another Sigstore": {
			prepare: func(b *bench) { b.sign(newPrivate(b.t).signer(b.t, alice), b.subject) },
			kind:    KindUntrusted, says: "authority that the trusted root does not name", only: "keyless",
		},
		"a key in place of an identity": {
			prepare: func(b *bench) { b.sign(newHolder(b.t, newKey(b.t)).signer, b.subject) },
			kind:    KindWrongIdentity, says: "by a key, but wanted is", only: "keyless",
		},
		"an identity in place of a key": {
			prepare: func(b *bench) { b.sign(newPrivate(b.t).signer(b.t, alice), b.subject) },
			kind:    KindWrongKey, says: `"cosign.pub"`, only: "key",
		},
		"garbage": {
			prepare: func(b *bench) {
				b.graft(b.sign(b.right, pushArtifact(b.t, b.repo)), func([]byte, map[string]string) []byte { return []byte(`{"a":[]}`) })
			},
			kind: KindMalformed, says: "cannot be read",
		},
	}
}

// logOf is where the log entry is kept.
func (b *bench) logOf(d digest.Digest) any {
	l := manifestAt(b.t, b.repo, d).Layers[0]
	if b.form == FormTag {
		return l.Annotations[annotationLog]
	}
	var bundle map[string]any
	if err := json.Unmarshal(blobOf(b.t, b.repo, l), &bundle); err != nil {
		b.t.Fatal(err)
	}
	return bundle["verificationMaterial"].(map[string]any)["tlogEntries"]
}

func (b *bench) swapLog(with digest.Digest) func([]byte, map[string]string) []byte {
	return func(raw []byte, annotations map[string]string) []byte {
		return b.setLog(raw, annotations, b.logOf(with))
	}
}

func (b *bench) dropLog(raw []byte, annotations map[string]string) []byte {
	return b.setLog(raw, annotations, nil)
}

func (b *bench) setLog(raw []byte, annotations map[string]string, entry any) []byte {
	if b.form == FormTag {
		annotations[annotationLog], _ = entry.(string)
		return raw
	}
	var bundle map[string]any
	if err := json.Unmarshal(raw, &bundle); err != nil {
		b.t.Fatal(err)
	}
	bundle["verificationMaterial"].(map[string]any)["tlogEntries"] = entry
	changed, err := json.Marshal(bundle)
	if err != nil {
		b.t.Fatal(err)
	}
	return changed
}

func tagOf(d digest.Digest) string { return registry.FallbackTag(d) + suffixSignature }

func TestMatrix(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"key", "keyless"} {
		for _, storage := range []string{"referrer", "fallback tag", "tag"} {
			for name, c := range cells() {
				if c.only != "" && c.only != who || c.bundled && storage == "tag" {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", who, storage, name), func(t *testing.T) {
					t.Parallel()
					b := newBench(t, who == "keyless", storage, nil)
					c.prepare(b)
					verified, err := b.verify()
					kind, says := c.kind, c.says
					if who == "key" && c.keyKind != 0 {
						kind, says = c.keyKind, c.keySays
					}
					if who == "key" && storage == "tag" && kind == KindTampered {
						kind = KindWrongKey
					}
					check(t, b, verified, err, kind, says)
				})
			}
		}
	}
}

func check(t *testing.T, b *bench, verified Verified, err error, kind Kind, says string) {
	t.Helper()
	if kind == 0 {
		if err != nil {
			t.Fatal(err)
		}
		who := `key "cosign.pub"`
		if b.keyless {
			who = `"alice@example.com", vouched for by "https://accounts.example.com"`
		}
		if verified.String() != who || verified.Form != b.form || verified.Annotations["team"] != "a" || verified.Time.IsZero() == b.keyless {
			t.Errorf("verified %s: %+v", verified, verified)
		}
		return
	}
	failed, ok := errors.AsType[*Error](err)
	if !ok || failed.Kind != kind || !strings.Contains(failed.Error(), says) {
		t.Fatalf("got %#v, want kind %d and %q", err, kind, says)
	}
	if place := b.repo.Reference().At(b.subject.Digest).String(); !strings.HasPrefix(failed.Error(), fmt.Sprintf("verify %q", place)) {
		t.Errorf("%q does not begin with what was verified", failed)
	}
	if verified.Key != "" || verified.Subject != "" || !failed.Definite() {
		t.Errorf("a failure that is none: %+v, %v", verified, failed.Definite())
	}
}

// answer answers some requests itself.
func answer(match func(*http.Request) bool, with http.HandlerFunc) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if match(r) {
				with(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// members is an index of so many manifests that nobody has.
func members(n int) []byte {
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
	index.SchemaVersion = 2
	for i := range n {
		d := descriptor(ocispec.MediaTypeImageManifest, []byte(fmt.Sprint(i)))
		d.ArtifactType = mediaTypeBundle
		index.Manifests = append(index.Manifests, d)
	}
	raw, _ := json.Marshal(index)
	return raw
}

func TestThousands(t *testing.T) {
	t.Parallel()
	const thousands = 3000
	requests := make(chan string, 10*thousands)
	counting := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests <- r.URL.Path
			next.ServeHTTP(w, r)
		})
	}
	for _, row := range []string{"referrer", "fallback tag", "tag", "tag keyless"} {
		t.Run(row, func(t *testing.T) {
			t.Parallel()
			storage, keyless := strings.CutSuffix(row, " keyless")
			raw := members(thousands)
			listed := answer(func(r *http.Request) bool {
				return r.Method != http.MethodPut && (storage == "referrer" && strings.Contains(r.URL.Path, "/referrers/") ||
					storage == "fallback tag" && (strings.Contains(r.URL.Path, "/manifests/sha256-") && !strings.HasSuffix(r.URL.Path, ".sig") ||
						strings.HasSuffix(r.URL.Path, digest.FromBytes(raw).String())))
			}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
				w.Header().Set("Docker-Content-Digest", digest.FromBytes(raw).String())
				w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
				_, _ = w.Write(raw)
			})
			b := newBench(t, keyless, storage, func(next http.Handler) http.Handler { return counting(listed(next)) })
			if keyless {
				b.fill(thousands / 3) // as many as a manifest holds
			} else if storage == "tag" {
				b.fill(thousands)
			}
			before := len(requests)
			verified, err := b.verify()
			check(t, b, verified, err, KindTooMany, "there are more")
			if n := len(requests) - before; n > 6*maxCandidates {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// Scans are attached by the hundred. They are not looked at one by one, nor do they hide a signature.
func TestHundredsOfAttestations(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		annotations map[string]string
		signed      bool
		kind        Kind
		says        string
	}{
		"that say what they are":              {map[string]string{annotationPredicate: predicateProvenance}, false, KindAttestationOnly, "only attestations"},
		"beside a signature":                  {map[string]string{annotationPredicate: predicateProvenance}, true, 0, ""},
		"that say nothing beside a signature": {nil, true, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := newBench(t, false, "referrer", nil)
			var index ocispec.Index
			if err := json.Unmarshal(members(300), &index); err != nil {
				t.Fatal(err)
			}
			for i := range index.Manifests {
				index.Manifests[i].Annotations = tc.annotations
			}
			if tc.signed {
				whole.sign(whole.right, whole.subject)
				list, _, err := whole.repo.Referrers(t.Context(), whole.subject.Digest, 10)
				if err != nil {
					t.Fatal(err)
				}
				index.Manifests = append(index.Manifests, list...)
			}
			raw, err := json.Marshal(index)
			if err != nil {
				t.Fatal(err)
			}
			b := *whole
			b.repo = open(t, reverse(t, whole.address, answer(
				func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/referrers/") },
				func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
					_, _ = w.Write(raw)
				},
			)))
			verified, err := b.verify()
			check(t, &b, verified, err, tc.kind, tc.says)
		})
	}
}

// fill puts that many signatures of somebody else under the older tag.
func (b *bench) fill(n int) {
	b.t.Helper()
	m := manifestAt(b.t, b.repo, b.sign(b.wrong, b.subject))
	for len(m.Layers) < n {
		m.Layers = append(m.Layers, m.Layers[0])
	}
	pushManifest(b.t, b.repo, tagOf(b.subject.Digest), m)
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	for _, storage := range []string{"referrer", "tag"} {
		t.Run(storage, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, false, storage, nil)
			large := func(raw []byte, _ map[string]string) []byte {
				return append(raw, bytes.Repeat([]byte(" "), maxSignature)...)
			}
			b.graft(b.sign(b.right, pushArtifact(t, b.repo)), large)
			verified, err := b.verify()
			check(t, b, verified, err, KindTooMany, "more than 1 MiB")
			b.sign(b.right, b.subject)
			if _, err := b.verify(); err != nil {
				t.Errorf("beside a good one: %v", err)
			}
		})
	}
}

// What cannot be had is no verdict about the artifact; what can be had is enough where it is good.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	broken := func(part string) func(http.Handler) http.Handler {
		return answer(func(r *http.Request) bool { return r.Method != http.MethodPut && strings.Contains(r.URL.Path, part) },
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	}
	for name, tc := range map[string]struct {
		part, storage string
		good          bool
	}{
		"list of referrers": {"/referrers/", "referrer", false},
		"older tag":         {".sig", "tag", false},
		"tag beside bundle": {".sig", "referrer", true},
		"list beside tag":   {"/referrers/", "tag", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := newBench(t, false, tc.storage, nil)
			whole.sign(whole.right, whole.subject)
			b := *whole
			b.repo = open(t, reverse(t, whole.address, broken(tc.part)))
			verified, err := b.verify()
			if tc.good {
				check(t, &b, verified, err, 0, "")
				return
			}
			failed, ok := errors.AsType[*Error](err)
			if !ok || failed.Kind != KindUnreachable || failed.Definite() || !strings.Contains(failed.Error(), "cannot be had") {
				t.Errorf("got %#v", err)
			}
		})
	}
	t.Run("called off", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, false, "referrer", nil)
		b.sign(b.right, b.subject)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := NewVerifier(Options{}).Verify(ctx, b.repo, b.subject.Digest, b.policy)
		if failed, ok := errors.AsType[*Error](err); !ok || failed.Kind != KindUnreachable || !errors.Is(err, context.Canceled) {
			t.Errorf("got %#v", err)
		}
	})
}
