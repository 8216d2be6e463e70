package signature

import (
	"encoding/base64"
	"testing"

	"github.com/opencontainers/go-digest"
)

// seeds are evidence that is right, of both kinds and forms.
func seeds(f *testing.F) (j *judge, all []candidate) {
	f.Helper()
	p := newPrivate(f)
	h := newHolder(f, newKey(f))
	policy := policyOf(f, Trust{
		Keys: map[string][]byte{"a": h.public}, Identities: []Identity{{Issuer: issuer, Subject: alice}}, Root: p.root,
	})
	for _, s := range []*Signer{h.signer, p.signer(f, alice)} {
		repo := open(f, host(f, true, nil))
		subject := pushArtifact(f, repo)
		for _, form := range []Form{FormBundle, FormTag} {
			d, err := s.Sign(f.Context(), repo, subject, AttachOptions{Form: form})
			if err != nil {
				f.Fatal(err)
			}
			for _, l := range manifestAt(f, repo, d).Layers {
				all = append(all, candidate{l.Digest.String(), l.MediaType, blobOf(f, repo, l), l.Annotations})
			}
		}
	}
	return &judge{policy: policy, public: newPublic(Options{}), root: policy.root, subject: digest.FromString("x"), predicate: predicateSign}, all
}

// Whatever is attached, nothing panics, and nothing that is not of the digest counts.
func FuzzBundle(f *testing.F) {
	j, all := seeds(f)
	for _, c := range all {
		if isBundle(c.mediaType) {
			f.Add(c.raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		mustFail(t, j, candidate{"x", mediaTypeBundle, raw, nil})
	})
}

func FuzzOlder(f *testing.F) {
	j, all := seeds(f)
	for _, c := range all {
		if !isBundle(c.mediaType) {
			f.Add(false, c.raw, c.annotations[annotationSignature], c.annotations[annotationCertificate], c.annotations[annotationLog],
				c.annotations[annotationTimestamp])
		}
	}
	payload := base64.StdEncoding.EncodeToString([]byte(`{"predicateType":"` + predicateSign + `","subject":[{"digest":{"sha256":""}}]}`))
	f.Add(true, []byte(`{"payloadType":"application/vnd.in-toto+json","payload":"`+payload+`","signatures":[{"sig":"AAAA"}]}`), "", "", "", "")
	f.Fuzz(func(t *testing.T, envelope bool, raw []byte, sig, certificate, log, stamp string) {
		mediaType := mediaTypeSimple
		if envelope {
			mediaType = mediaTypeEnvelope
		}
		mustFail(t, j, candidate{"x", mediaType, raw, map[string]string{
			annotationSignature: sig, annotationCertificate: certificate, annotationLog: log, annotationTimestamp: stamp,
		}})
	})
}

func mustFail(t *testing.T, j *judge, c candidate) {
	t.Helper()
	fresh := *j
	if _, by, err := fresh.unguarded(t.Context(), c); err == nil {
		t.Errorf("%s is good: %+v", c.raw, by)
	}
}
