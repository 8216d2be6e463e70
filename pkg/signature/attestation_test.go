package signature

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func (b *bench) attest(s *Signer, predicateType, predicate string) {
	b.t.Helper()
	_, err := s.Attest(b.t.Context(), b.repo, b.subject, predicateType, json.RawMessage(predicate), AttachOptions{Form: b.form})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) attestations(predicateType string) ([]Attestation, error) {
	return NewVerifier(Options{}).Attestations(b.t.Context(), b.repo, b.subject.Digest, predicateType, b.policy)
}

func predicates(all []Attestation) map[string]int {
	texts := map[string]int{}
	for _, a := range all {
		texts[string(a.Predicate)]++
	}
	return texts
}

func TestAttestations(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"key", "keyless"} {
		for _, storage := range []string{"referrer", "fallback tag", "tag"} {
			t.Run(who+"/"+storage, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, who == "keyless", storage, nil)
				_, err := b.attestations(predicateProvenance)
				check(t, b, Verified{}, err, KindMissing, `no attestation of type "https://slsa.dev/provenance/v1" is attached`)
				b.sign(b.right, b.subject)
				b.attest(b.right, "https://cyclonedx.org/bom", `{"a":1}`)
				_, err = b.attestations(predicateProvenance)
				check(t, b, Verified{}, err, KindMissing, "no attestation of type")
				b.attest(b.wrong, predicateProvenance, `{"builder":"mallory"}`)
				_, err = b.attestations(predicateProvenance)
				kind := KindWrongKey
				if b.keyless {
					kind = KindWrongIdentity
				}
				check(t, b, Verified{}, err, kind, "attestation sha256:")
				b.attest(b.right, predicateProvenance, `{"builder":"alice"}`)
				b.attest(b.right, predicateProvenance, `{"builder": {"id": "bob", "n": 12345678901234567890}}`)
				all, err := b.attestations(predicateProvenance)
				if err != nil {
					t.Fatal(err)
				}
				want := map[string]int{`{"builder":"alice"}`: 1, `{"builder":{"id":"bob","n":12345678901234567890}}`: 1}
				if diff := cmp.Diff(want, predicates(all)); diff != "" {
					t.Errorf("predicates (-want +got):\n%s", diff)
				}
				for _, a := range all {
					if a.PredicateType != predicateProvenance || a.By.Form != b.form || (a.By.Key == "") != b.keyless {
						t.Errorf("got %+v", a)
					}
				}
				if _, err := b.verify(); err != nil {
					t.Errorf("the signature beside them: %v", err)
				}
			})
		}
	}
}

func TestAttestationOfAnotherDigest(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, "referrer", nil)
	other := pushArtifact(t, b.repo)
	d, err := b.right.Attest(t.Context(), b.repo, other, predicateProvenance, json.RawMessage(`{}`), AttachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.graft(d, same)
	_, err = b.attestations(predicateProvenance)
	check(t, b, Verified{}, err, KindOtherDigest, "is of "+other.Digest.String())
}

func TestAttestationsThatAreNone(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, "referrer", nil)
	for _, predicateType := range []string{"", predicateSign} {
		if _, err := b.attestations(predicateType); err == nil {
			t.Errorf("type %q is verified", predicateType)
		}
		_, err := b.right.Attest(t.Context(), b.repo, b.subject, predicateType, json.RawMessage(`{}`), AttachOptions{})
		if err == nil {
			t.Errorf("type %q is attested", predicateType)
		}
	}
	for name, predicate := range map[string]string{"no JSON": "{", "large": strings.Repeat(" ", maxAttestation)} {
		_, err := b.right.Attest(t.Context(), b.repo, b.subject, "t", json.RawMessage(predicate), AttachOptions{})
		if err == nil || !strings.HasPrefix(err.Error(), "attest ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManyAttestations(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, "tag", nil)
	for i := range maxAttestations + 3 {
		b.attest(b.right, predicateProvenance, fmt.Sprint(i))
	}
	all, err := b.attestations(predicateProvenance)
	if err != nil || len(all) != maxAttestations {
		t.Errorf("got %d, %v", len(all), err)
	}
}

// Some attestations are not all: who needs another one has to know.
func TestAttestationsPartlyReachable(t *testing.T) {
	t.Parallel()
	whole := newBench(t, false, "tag", nil)
	whole.attest(whole.right, predicateProvenance, `{"n":1}`)
	b := *whole
	b.repo = open(t, reverse(t, whole.address, answer(
		func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/referrers/") },
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
	)))
	all, err := b.attestations(predicateProvenance)
	failed, ok := errors.AsType[*Error](err)
	if len(all) != 1 || !ok || failed.Kind != KindUnreachable {
		t.Errorf("got %v, %v", all, err)
	}
}

// Nobody vouches for what a list says about its members.
func TestMembersThatLie(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(m *ocispec.Manifest)
		kind   Kind
		says   string
	}{
		"attestation that claims to be a signature": {func(m *ocispec.Manifest) {
			m.Annotations = map[string]string{annotationPredicate: predicateSign}
		}, KindAttestationOnly, "only attestations"},
		"attestation that claims nothing": {func(m *ocispec.Manifest) {
			m.Annotations, m.ArtifactType = nil, ""
		}, KindAttestationOnly, "only attestations"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := newBench(t, false, "fallback tag", nil)
			d, err := whole.right.Attest(t.Context(), whole.repo, whole.subject, predicateProvenance, json.RawMessage(`{}`), AttachOptions{})
			if err != nil {
				t.Fatal(err)
			}
			b := whole.elsewhere(manifestAt(t, whole.repo, d), tc.change)
			verified, err := b.verify()
			check(t, b, verified, err, tc.kind, tc.says)
		})
	}
}

// elsewhere takes evidence with another manifest around it to a registry where nothing else is attached.
func (b *bench) elsewhere(m ocispec.Manifest, change func(m *ocispec.Manifest)) *bench {
	b.t.Helper()
	there := *b
	there.repo = open(b.t, host(b.t, false, nil))
	for _, l := range m.Layers {
		pushBytes(b.t, there.repo, l.MediaType, blobOf(b.t, b.repo, l))
	}
	m.Config.Digest = ""
	change(&m)
	tag := ""
	if m.Subject == nil {
		tag = tagOf(b.subject.Digest)
	}
	pushManifest(b.t, there.repo, tag, m)
	return &there
}

// Clients write the lists under fallback tags, and not all of them as the specification wants it.
func TestMembersWrittenByOthers(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(m *ocispec.Manifest){
		"no annotations":          func(m *ocispec.Manifest) { m.Annotations = nil },
		"type of an empty config": func(m *ocispec.Manifest) { m.ArtifactType, m.Annotations = "", nil },
		"type of an older cosign": func(m *ocispec.Manifest) {
			m.ArtifactType, m.Annotations = "application/vnd.dev.cosign.artifact.sig.v1+json", nil
		},
		"type of an image": func(m *ocispec.Manifest) { m.ArtifactType, m.Annotations = ocispec.MediaTypeImageConfig, nil },
		"other layers beside ours": func(m *ocispec.Manifest) {
			m.Layers = append(m.Layers, descriptor(ocispec.MediaTypeEmptyJSON, []byte("{}")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := newBench(t, false, "fallback tag", nil)
			m := manifestAt(t, whole.repo, whole.sign(whole.right, whole.subject))
			b := whole.elsewhere(m, func(m *ocispec.Manifest) {
				change(m)
			})
			verified, err := b.verify()
			check(t, b, verified, err, 0, "")
		})
	}
	t.Run("older layers in a referrer", func(t *testing.T) {
		t.Parallel()
		whole := newBench(t, true, "tag", nil)
		m := manifestAt(t, whole.repo, whole.sign(whole.right, whole.subject))
		b := whole.elsewhere(m, func(m *ocispec.Manifest) { m.Subject = &whole.subject })
		verified, err := b.verify()
		check(t, b, verified, err, 0, "")
	})
}

// What is not there any more is no reason to doubt the registry.
func TestEvidenceThatIsGone(t *testing.T) {
	t.Parallel()
	whole := newBench(t, false, "referrer", nil)
	made := whole.sign(whole.right, whole.subject)
	b := *whole
	b.repo = open(t, reverse(t, whole.address, answer(
		func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/manifests/"+made.String()) },
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
	)))
	verified, err := b.verify()
	check(t, &b, verified, err, KindMalformed, "is gone")
	if _, err := NewVerifier(Options{}).Verify(t.Context(), b.repo, "sha512:x", b.policy); err == nil {
		t.Error("what is no digest is verified")
	}
}
