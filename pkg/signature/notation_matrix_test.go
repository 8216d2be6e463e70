package signature

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-core-go/signature/cose"
	"github.com/notaryproject/notation-core-go/signature/jws"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// notaryCell is one way in which a Notary Project signature is good or bad.
type notaryCell struct {
	forge   func(f *forged)
	trust   map[string]any // of the statement, what differs
	kind    Kind
	says    string
	foreign bool // by an authority that nobody trusts
}

func ago(days int) time.Time { return time.Now().Add(-time.Duration(days) * aDay) }

var notaryCells = map[string]notaryCell{
	"good":         {},
	"by anybody":   {trust: map[string]any{"trustedIdentities": []string{"*"}}},
	"other key":    {foreign: true, kind: KindUntrusted, says: `for whom none of the certificates "ca.crt" vouches`},
	"other digest": {forge: func(f *forged) { f.target.Digest = digest.FromString("x") }, kind: KindOtherDigest, says: "is of " + digest.FromString("x").String()},
	"other identity": {
		forge: func(f *forged) { f.leaf = leaf("mallory") },
		kind:  KindWrongIdentity, says: `but wanted is "x509.subject:C=DE,ST=Berlin,O=Example,CN=alice"`,
	},
	"expired": {
		forge: func(f *forged) { f.request.SigningTime, f.request.Expiry = ago(5), ago(1) },
		kind:  KindExpired, says: "was good until",
	},
	"not yet expired": {forge: func(f *forged) { f.request.Expiry = ago(-1) }},
	"expired, and nobody minds": {
		forge: func(f *forged) { f.request.SigningTime, f.request.Expiry = ago(5), ago(1) },
		trust: map[string]any{"signatureVerification": map[string]any{"level": "permissive"}},
	},
	"certificate expired": {
		forge: func(f *forged) { f.request.SigningTime, f.leaf.NotAfter = ago(5), ago(1) },
		kind:  KindExpired, says: "nothing proves that it was made before",
	},
	"certificate expired, stamped in time": {
		forge: func(f *forged) {
			f.request.SigningTime, f.leaf.NotAfter = ago(5), ago(1)
			f.stamp(f.authority, ago(5))
		},
		trust: map[string]any{"trustStores": []string{"ca:all", "tsa:all"}},
	},
	"certificate expired, stamped too late": {
		forge: func(f *forged) {
			f.request.SigningTime, f.leaf.NotAfter = ago(5), ago(3)
			f.stamp(f.authority, ago(1))
		},
		trust: map[string]any{"trustStores": []string{"ca:all", "tsa:all"}},
		kind:  KindExpired, says: "nothing proves that signature",
	},
	"certificate expired, stamped by somebody": {
		forge: func(f *forged) {
			f.request.SigningTime, f.leaf.NotAfter = ago(5), ago(1)
			f.stamp(newAcme(f.authority.t), ago(5))
		},
		trust: map[string]any{"trustStores": []string{"ca:all", "tsa:all"}},
		kind:  KindExpired, says: "nothing proves that signature",
	},
	"stamped, and nobody asks": {
		forge: func(f *forged) {
			f.request.SigningTime, f.leaf.NotAfter = ago(5), ago(1)
			f.stamp(f.authority, ago(5))
		},
		kind: KindExpired, says: "nothing proves that it was made before",
	},
	"tampered":  {forge: func(f *forged) { f.change = flipped }, kind: KindTampered, says: "one of both was changed"},
	"malformed": {forge: func(f *forged) { f.change = func([]byte, []byte) []byte { return []byte("{}") } }, kind: KindMalformed, says: "cannot be read"},
	"asks for a plugin": {
		forge: func(f *forged) {
			f.request.ExtendedSignedAttributes = []signature.Attribute{{Key: "io.cncf.notary.verificationPlugin", Critical: true, Value: "evil"}}
		},
		kind: KindMalformed, says: "plugins are not run",
	},
	"has to be understood": {
		forge: func(f *forged) {
			f.request.ExtendedSignedAttributes = []signature.Attribute{{Key: "com.example.only-on-mondays", Critical: true, Value: "yes"}}
		},
		kind: KindMalformed, says: "com.example.only-on-mondays",
	},
	"need not be understood": {
		forge: func(f *forged) {
			f.request.ExtendedSignedAttributes = []signature.Attribute{{Key: "com.example.mood", Value: "good"}}
		},
	},
	"scheme without a store": {
		forge: func(f *forged) { f.request.SigningScheme = signature.SigningSchemeX509SigningAuthority },
		kind:  KindUntrusted, says: "the trust policy names no store",
	},
	"signing authority": {
		forge: func(f *forged) {
			f.request.SigningScheme = signature.SigningSchemeX509SigningAuthority
			f.request.SigningTime, f.leaf.NotAfter = ago(5), ago(1)
		},
		trust: map[string]any{"trustStores": []string{"signingAuthority:all"}},
	},
}

func TestNotationMatrix(t *testing.T) {
	t.Parallel()
	for _, lists := range []bool{true, false} {
		for name, media := range map[string]string{"JWS": jws.MediaTypeEnvelope, "COSE": cose.MediaTypeEnvelope} {
			for cell, c := range notaryCells {
				t.Run(fmt.Sprintf("%s/referrers API %t/%s", name, lists, cell), func(t *testing.T) {
					t.Parallel()
					c.check(t, open(t, host(t, lists, nil)), media)
				})
			}
		}
	}
}

func (c notaryCell) check(t *testing.T, repo *registry.Repository, media string) {
	t.Helper()
	a := newAcme(t)
	subject := pushArtifact(t, repo)
	f := a.forge(media, subject)
	if c.foreign {
		f = newAcme(t).forge(media, subject)
	}
	f.target.Annotations = map[string]string{"team": "a"}
	if c.forge != nil {
		c.forge(f)
	}
	attach(t, repo, subject, media, f.raw(), nil)
	by, err := NewVerifier(Options{}).Verify(t.Context(), repo, subject.Digest, a.trusts(t, c.trust))
	checkKind(t, err, c.kind, c.says)
	if c.kind == 0 && (by.Subject != "CN=alice,O=Example,ST=Berlin,C=DE" || by.Issuer != "CN=acme,O=Example,ST=Berlin,C=DE" ||
		by.Form != FormNotation || by.Annotations["team"] != "a" || by.Evidence.Validate() != nil) {
		t.Errorf("by %+v", by)
	}
}

// checkKind wants no error where kind is zero.
func checkKind(t *testing.T, err error, kind Kind, says string) {
	t.Helper()
	if kind == 0 {
		if err != nil {
			t.Error(err)
		}
		return
	}
	failed, ok := errors.AsType[*Error](err)
	if !ok || failed.Kind != kind || !strings.Contains(failed.Error(), says) {
		t.Errorf("got %v, want %v: %s", err, kind, says)
	}
}

// What else is attached is no Notary Project signature, and hides none.
func TestNotationBeside(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attach func(t *testing.T, repo *registry.Repository, subject ocispec.Descriptor)
		kind   Kind
		says   string
	}{
		"nothing": {func(*testing.T, *registry.Repository, ocispec.Descriptor) {}, KindMissing, "no Notary Project signature is attached to it"},
		"a signature by cosign": {func(t *testing.T, repo *registry.Repository, subject ocispec.Descriptor) {
			signAs(t, newHolder(t, newKey(t)), repo, subject, FormBundle)
		}, KindAttestationOnly, "only other things"},
		"a signature by older cosign": {func(t *testing.T, repo *registry.Repository, subject ocispec.Descriptor) {
			signAs(t, newHolder(t, newKey(t)), repo, subject, FormTag)
		}, KindMissing, "no Notary Project signature is attached to it"},
		"an attestation": {func(t *testing.T, repo *registry.Repository, subject ocispec.Descriptor) {
			h := newHolder(t, newKey(t))
			if _, err := h.signer.Attest(t.Context(), repo, subject, predicateProvenance, json.RawMessage(`{}`), AttachOptions{}); err != nil {
				t.Fatal(err)
			}
		}, KindAttestationOnly, "only other things"},
		"a list of materials": {func(t *testing.T, repo *registry.Repository, subject ocispec.Descriptor) {
			layer := pushBytes(t, repo, "application/spdx+json", []byte("{}"))
			pushManifest(t, repo, "", ocispec.Manifest{ArtifactType: "application/spdx+json", Layers: []ocispec.Descriptor{layer}, Subject: &subject})
		}, KindAttestationOnly, "only other things"},
		"an envelope that is no signature": {func(t *testing.T, repo *registry.Repository, subject ocispec.Descriptor) {
			layer := pushBytes(t, repo, jws.MediaTypeEnvelope, []byte("{}"))
			pushManifest(t, repo, "", ocispec.Manifest{Layers: []ocispec.Descriptor{layer}, Subject: &subject})
		}, KindAttestationOnly, "only other things"},
	} {
		for _, lists := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/referrers API %t", name, lists), func(t *testing.T) {
				t.Parallel()
				a := newAcme(t)
				repo := open(t, host(t, lists, nil))
				subject := pushArtifact(t, repo)
				test.attach(t, repo, subject)
				_, err := NewVerifier(Options{}).Verify(t.Context(), repo, subject.Digest, a.trusts(t, nil))
				checkKind(t, err, test.kind, test.says)
				attach(t, repo, subject, jws.MediaTypeEnvelope, a.forge(jws.MediaTypeEnvelope, subject).raw(), nil)
				_, err = NewVerifier(Options{}).Verify(t.Context(), repo, subject.Digest, a.trusts(t, nil))
				checkKind(t, err, 0, "")
			})
		}
	}
}

func signAs(t *testing.T, h holder, repo *registry.Repository, subject ocispec.Descriptor, form Form) {
	t.Helper()
	if _, err := h.signer.Sign(t.Context(), repo, subject, AttachOptions{Form: form}); err != nil {
		t.Fatal(err)
	}
}

// Either is enough where both are trusted, and neither takes the other's place where only one is.
func TestNotationOrKey(t *testing.T) {
	t.Parallel()
	a, h := newAcme(t), newHolder(t, newKey(t))
	repo := open(t, host(t, true, nil))
	trust := Trust{
		Keys:     map[string][]byte{"cosign.pub": h.public},
		Notation: &Notation{Policy: trustPolicy(t, nil), Certificates: map[string][]byte{"ca.crt": a.pem()}},
	}
	both := policyOf(t, trust)
	v := NewVerifier(Options{})
	notarized, signed := pushArtifact(t, repo), pushArtifact(t, repo)
	attach(t, repo, notarized, cose.MediaTypeEnvelope, a.forge(cose.MediaTypeEnvelope, notarized).raw(), nil)
	signAs(t, h, repo, signed, FormTag)
	for _, subject := range []ocispec.Descriptor{notarized, signed} {
		if _, err := v.Verify(t.Context(), repo, subject.Digest, both); err != nil {
			t.Error(err)
		}
	}
	_, err := v.Verify(t.Context(), repo, notarized.Digest, h.policy(t))
	checkKind(t, err, KindAttestationOnly, "no signature")
	_, err = v.Attestations(t.Context(), repo, notarized.Digest, predicateProvenance, both)
	checkKind(t, err, KindMissing, "no attestation")
	_, err = v.Attestations(t.Context(), repo, notarized.Digest, predicateProvenance, a.trusts(t, nil))
	checkKind(t, err, KindUntrusted, "name keys or identities")
}

// Hundreds of signatures by others hide none that says whose it is; where it does not, the bound says that there are more.
func TestHundredsOfNotations(t *testing.T) {
	t.Parallel()
	const hundreds = 300
	a, other := newAcme(t), newAcme(t)
	whole := open(t, host(t, true, nil))
	subject := pushArtifact(t, whole)
	bad := other.forge(jws.MediaTypeEnvelope, subject).raw()
	var index ocispec.Index
	for i := range hundreds {
		d := attach(t, whole, subject, jws.MediaTypeEnvelope, bad, map[string]string{"n": fmt.Sprint(i)})
		index.Manifests = append(index.Manifests, ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, ArtifactType: typeNotary})
	}
	good := attach(t, whole, subject, jws.MediaTypeEnvelope, a.forge(jws.MediaTypeEnvelope, subject).raw(), nil)
	good.ArtifactType = typeNotary
	for name, test := range map[string]struct {
		annotations map[string]string
		kind        Kind
		says        string
	}{
		"that says whose it is": {map[string]string{"io.cncf.notary.x509chain.thumbprint#S256": `["` + digest.FromBytes(a.certificate.Raw).Encoded() + `"]`}, 0, ""},
		"that does not":         {nil, KindTooMany, "there are more"}, // and is not the newest
	} {
		t.Run(name, func(t *testing.T) {
			good := good
			good.Annotations = test.annotations
			listed := index
			listed.Manifests = append([]ocispec.Descriptor{good}, listed.Manifests...)
			raw, err := json.Marshal(listed)
			if err != nil {
				t.Fatal(err)
			}
			repo := open(t, reverse(t, whole.Reference().Registry, answer(
				func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/referrers/") },
				func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
					_, _ = w.Write(raw)
				})))
			_, err = NewVerifier(Options{}).Verify(t.Context(), repo, subject.Digest, a.trusts(t, nil))
			checkKind(t, err, test.kind, test.says)
		})
	}
}
