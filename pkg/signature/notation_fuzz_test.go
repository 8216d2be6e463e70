package signature

import (
	"strings"
	"testing"

	"github.com/notaryproject/notation-core-go/signature/cose"
	"github.com/notaryproject/notation-core-go/signature/jws"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Whatever is attached, nothing panics, and nothing that is not of the digest counts.
func FuzzNotation(f *testing.F) {
	a := newAcme(f)
	target := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("signed"), Size: 6}
	for _, stamped := range []bool{true, false} {
		for _, media := range []string{jws.MediaTypeEnvelope, cose.MediaTypeEnvelope} {
			forged := a.forge(media, target)
			if stamped {
				forged.stamp(a, ago(1))
			}
			f.Add(media == cose.MediaTypeEnvelope, forged.raw())
		}
	}
	p := a.trusts(f, map[string]any{"trustStores": []string{"ca:all", "tsa:all"}, "trustedIdentities": []string{"*"}})
	j := &judge{
		policy: p, subject: digest.FromString("asked"), predicate: predicateSign,
		clause: p.notary.statement(registry.Reference{Registry: "example.com", Repository: "app"}),
	}
	f.Fuzz(func(t *testing.T, isCOSE bool, raw []byte) {
		media := jws.MediaTypeEnvelope
		if isCOSE {
			media = cose.MediaTypeEnvelope
		}
		mustFail(t, j, candidate{"x", media, raw, nil})
	})
}

// A tenant writes trust policies: none panics, and none that is accepted lets pass what nobody signed.
func FuzzTrustPolicy(f *testing.F) {
	a := newAcme(f)
	f.Add(trustPolicy(f, nil))
	f.Add(trustPolicy(f, map[string]any{"signatureVerification": map[string]any{"level": "audit"}}))
	f.Add(trustPolicy(f, map[string]any{"signatureVerification": map[string]any{"level": "strict", "override": map[string]any{"revocation": "skip"}}}))
	envelope := newAcme(f).forge(jws.MediaTypeEnvelope, ocispec.Descriptor{Digest: digest.FromString("asked")}).raw()
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := NewPolicy(Trust{Notation: &Notation{Policy: raw, Certificates: map[string][]byte{"ca.crt": a.pem()}}})
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("an error without a word")
			}
			return
		}
		for _, statement := range p.notary.statements {
			j := &judge{policy: p, subject: digest.FromString("asked"), predicate: predicateSign, clause: statement}
			mustFail(t, j, candidate{"x", jws.MediaTypeEnvelope, envelope, nil})
		}
	})
}
